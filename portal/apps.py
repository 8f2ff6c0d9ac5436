from django.apps import AppConfig
from django.db.models.signals import post_migrate


class PortalConfig(AppConfig):
    name = "portal"
    verbose_name = "Portal"

    def ready(self) -> None:
        from portal import checks, letters, security_log, wall_building  # noqa: F401, PLC0415  (models not ready before)

        # Once a migration, when every app has its tables.
        post_migrate.connect(wall_building.build, sender=self, dispatch_uid="portal.wall_building")
