"""The doors of the corpus, for the files of the smoke test too."""

from tests.files.conftest import client, doors

__all__ = ["client", "doors"]
