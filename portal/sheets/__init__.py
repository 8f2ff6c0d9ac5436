"""Files of people, from the upload to the report: receive, check, confirm, import, account for every row.

Both ways to bring people in (customers, and members of a segment) are made of these parts; each brings its own
columns, and says in `judge` and `apply` what becomes of a row.
"""

from portal.sheets.apply import ApplySheet
from portal.sheets.check import CheckSheet
from portal.sheets.files import (
    digest,
    first_rows,
    limits,
    not_kept,
    open_rows,
    opened,
    read_format,
    receive,
    storable,
    take_back,
)
from portal.sheets.report import REPORT_HEADERS, Stage, look, report, stage
from portal.sheets.work import (
    ERASED,
    INVALID,
    LATER_ROW_COUNTS,
    PENDING,
    REPEATED,
    WAS_ERASED,
    Entry,
    SheetWork,
)

__all__ = [
    "ERASED",
    "INVALID",
    "LATER_ROW_COUNTS",
    "PENDING",
    "REPEATED",
    "REPORT_HEADERS",
    "WAS_ERASED",
    "ApplySheet",
    "CheckSheet",
    "Entry",
    "SheetWork",
    "Stage",
    "digest",
    "first_rows",
    "limits",
    "look",
    "not_kept",
    "open_rows",
    "opened",
    "read_format",
    "receive",
    "report",
    "stage",
    "storable",
    "take_back",
]
