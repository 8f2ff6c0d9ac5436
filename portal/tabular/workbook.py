from portal.tabular.formats import Limits
from typing import BinaryIO
def check_workbook(file: BinaryIO, limits: Limits) -> None:
    raise NotImplementedError
