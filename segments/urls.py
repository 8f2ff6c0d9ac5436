from __future__ import annotations

from django.urls import include, path

from segments.views import connections, external, members, samples, segments, syncs, uploads

app_name = "segments"

of_segments = [
    path("", segments.segment_list, name="list"),
    path("new/", segments.create, name="create"),
    path("new/how/", segments.create_how, name="create_how"),
    path("template/", uploads.template, name="template"),
    path("samples/", samples.overview, name="samples"),
    path("samples/<str:name>/", samples.download, name="sample"),
    path("<int:segment_id>/", segments.detail, name="detail"),
    path("<int:segment_id>/rename/", segments.rename, name="rename"),
    path("<int:segment_id>/delete/", segments.delete, name="delete"),
    path("<int:segment_id>/add/", members.add_customer, name="add_customer"),
    path("<int:segment_id>/add/suggestions/", members.suggest, name="suggest"),
    path("<int:segment_id>/remove/", members.remove_selected, name="remove_selected"),
    path("<int:segment_id>/remove/all/", members.remove_matching, name="remove_matching"),
    path("<int:segment_id>/remove/<int:customer_id>/", members.remove_customer, name="remove_customer"),
    path("<int:segment_id>/export/", members.export, name="export"),
    path("<int:segment_id>/imports/", uploads.uploads, name="uploads"),
    path("<int:segment_id>/imports/new/", uploads.upload, name="upload"),
    path("<int:segment_id>/imports/<int:upload_id>/", uploads.upload_detail, name="upload_detail"),
    path("<int:segment_id>/imports/<int:upload_id>/read-as/", uploads.upload_read_as, name="upload_read_as"),
    path("<int:segment_id>/imports/<int:upload_id>/check/", uploads.upload_check, name="upload_check"),
    path("<int:segment_id>/imports/<int:upload_id>/import/", uploads.upload_import, name="upload_import"),
    path("<int:segment_id>/imports/<int:upload_id>/undo/", uploads.upload_undo, name="upload_undo"),
    path("<int:segment_id>/imports/<int:upload_id>/report/", uploads.upload_report, name="upload_report"),
    path("<int:segment_id>/external/", external.external, name="external"),
    path("<int:segment_id>/external/confirm/", external.confirm, name="external_confirm"),
    path("<int:segment_id>/external/settings/", external.sync_settings, name="sync_settings"),
    path("<int:segment_id>/external/unlink/", external.unlink, name="unlink"),
    path("<int:segment_id>/syncs/", syncs.syncs, name="syncs"),
    path("<int:segment_id>/syncs/new/", syncs.sync_now, name="sync_now"),
    path("<int:segment_id>/syncs/<int:sync_id>/", syncs.sync, name="sync"),
    path("<int:segment_id>/syncs/<int:sync_id>/approve/", syncs.approve, name="sync_approve"),
    path("<int:segment_id>/syncs/<int:sync_id>/discard/", syncs.discard, name="sync_discard"),
    path("<int:segment_id>/syncs/<int:sync_id>/unmatched/", syncs.unmatched, name="sync_unmatched"),
]
of_connections = [
    path("", connections.overview, name="connections"),
    path("<str:source>/connect/", connections.connect, name="connect"),
    path("<str:source>/check/", connections.check, name="check_connection"),
    path("<str:source>/refresh/", connections.refresh, name="refresh_names"),
    path("<str:source>/disconnect/", connections.disconnect, name="disconnect"),
]
urlpatterns = [
    path("segments/", include(of_segments)),
    path("settings/connections/", include(of_connections)),
]
