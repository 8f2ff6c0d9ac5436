from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class CustomersConfig(AppConfig):
    name = "customers"
    verbose_name = "Customers"

    def ready(self) -> None:
        # A worker must know the kinds of work before a message names one.
        import_module("customers.imports.work")
        import_module("customers.imports.deeds")
        import_module("customers.imports.doings")
        import_module("customers.ingest.tracking")
        import_module("customers.metrics.tasks")
        import_module("customers.metrics.work")
        import_module("customers.privacy.activity")
        import_module("customers.privacy.erase")
        import_module("customers.privacy.fields")
        import_module("customers.privacy.metrics")
        import_module("customers.privacy.places")
        import_module("customers.privacy.words")
        import_module("customers.providers.history")
        import_module("customers.providers.sealed")
        import_module("customers.providers.taking_in")
        import_module("customers.timeline.gaps")
        import_module("customers.timeline.sources")
