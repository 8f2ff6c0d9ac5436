"""Reading the tables that people have: CSV-like text of any dialect and Excel workbooks, in flat memory.

    table = open_table(file, "customers.csv")
    email = find_column(table.headers, EMAIL_NAMES)
    for row in table: ...

What cannot be read raises Refused, with a sentence for the person who brought the file; a row that cannot be used is
yielded with its `problem`.
"""

from portal.tabular.columns import EMAIL_NAMES, FIRST_NAMES, FULL_NAMES, LAST_NAMES, PHONE_NAMES, find_column
from portal.tabular.formats import DELIMITERS, ENCODINGS, Format, Limits, Refused, Row, quotable
from portal.tabular.sniffing import EXTENSIONS, sniff
from portal.tabular.table import Table, open_table

__all__ = [
    "DELIMITERS",
    "EMAIL_NAMES",
    "ENCODINGS",
    "EXTENSIONS",
    "FIRST_NAMES",
    "FULL_NAMES",
    "LAST_NAMES",
    "PHONE_NAMES",
    "Format",
    "Limits",
    "Refused",
    "Row",
    "Table",
    "find_column",
    "open_table",
    "quotable",
    "sniff",
]
