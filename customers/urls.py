from __future__ import annotations

from django.urls import path

from customers.views import customers, exports, imports, privacy, timeline

app_name = "customers"

urlpatterns = [
    path("", customers.customer_list, name="list"),
    path("new/", customers.add, name="add"),
    path("export/", exports.export, name="export"),
    path("template/", exports.template, name="template"),
    path("import/", imports.upload, name="import"),
    path("imports/", imports.import_list, name="imports"),
    path("imports/<int:import_id>/", imports.import_detail, name="import_detail"),
    path("imports/<int:import_id>/columns/", imports.import_columns, name="import_columns"),
    path("imports/<int:import_id>/read-as/", imports.import_read_as, name="import_read_as"),
    path("imports/<int:import_id>/start/", imports.import_start, name="import_start"),
    path("imports/<int:import_id>/report/", imports.import_report, name="import_report"),
    path("privacy/", privacy.overview, name="privacy"),
    path("privacy/export/", privacy.export_address, name="export_address"),
    path("privacy/erase/", privacy.erase_address, name="erase_address"),
    path("privacy/erased/<int:erasure_id>/", privacy.erasure, name="erasure"),
    path("<int:pk>/", customers.detail, name="detail"),
    path("<int:pk>/timeline/", timeline.customer_timeline, name="timeline"),
    path("<int:pk>/personal-data/", privacy.export_customer, name="export_customer"),
    path("<int:pk>/erase/", privacy.erase_customer, name="erase_customer"),
    path("<int:pk>/edit/", customers.edit, name="edit"),
]
