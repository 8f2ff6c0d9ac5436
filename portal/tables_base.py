"""What all tables share."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django_tables2.data import TableListData

from portal.paging import KeysetPage


class PageData(TableListData):
    """The rows of one page, which the database has put in order already."""

    def order_by(self, aliases: Any) -> None:
        """Leave the order alone: sorting one page again would not sort the list."""


class StoreTable(tables.Table):
    """A table of one page of a store's rows; columns that may be sorted carry the names of the page's sorts."""

    class Meta:
        template_name = "tables/table.html"
        orderable = False
        empty_text = "Nothing here yet."

    def __init__(self, page: KeysetPage, **kwargs: Any) -> None:
        self.page_of_rows = page
        super().__init__(PageData(page.rows), order_by=page.sort, order_by_field="sort", **kwargs)
