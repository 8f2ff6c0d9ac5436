from __future__ import annotations

from django.urls import path

from customers.views import customers, exports, imports, metrics, privacy, products, timeline, ways_in

app_name = "customers"

urlpatterns = [
    path("", customers.customer_list, name="list"),
    path("new/", customers.add, name="add"),
    path("export/", exports.export, name="export"),
    path("template/", exports.template, name="template"),
    path("template/orders/", exports.template, {"of": "orders"}, name="template_orders"),
    path("template/subscriptions/", exports.template, {"of": "subscriptions"}, name="template_subscriptions"),
    path("template/events/", exports.template, {"of": "events"}, name="template_events"),
    path("import/", imports.upload, name="import"),
    path("import/orders/", imports.upload, {"kind": "orders"}, name="import_orders"),
    path("import/subscriptions/", imports.upload, {"kind": "subscriptions"}, name="import_subscriptions"),
    path("import/events/", imports.upload, {"kind": "events"}, name="import_events"),
    path("imports/", imports.import_list, name="imports"),
    path("imports/<int:import_id>/", imports.import_detail, name="import_detail"),
    path("imports/<int:import_id>/columns/", imports.import_columns, name="import_columns"),
    path("imports/<int:import_id>/read-as/", imports.import_read_as, name="import_read_as"),
    path("imports/<int:import_id>/start/", imports.import_start, name="import_start"),
    path("imports/<int:import_id>/report/", imports.import_report, name="import_report"),
    path("products/", products.product_list, name="products"),
    path("products/<int:product_id>/", products.product_detail, name="product"),
    path("products/<int:product_id>/export/", products.product_export, name="product_export"),
    path("privacy/", privacy.overview, name="privacy"),
    path("privacy/export/", privacy.export_address, name="export_address"),
    path("privacy/erase/", privacy.erase_address, name="erase_address"),
    path("privacy/erased/<int:erasure_id>/", privacy.erasure, name="erasure"),
    path("data-sources/", ways_in.overview, name="ways_in"),
    path("data-sources/new/", ways_in.add, name="add_way_in"),
    path("data-sources/<int:way_in_id>/", ways_in.detail, name="way_in"),
    path("data-sources/<int:way_in_id>/live/", ways_in.live, name="way_in_live"),
    path("data-sources/<int:way_in_id>/rejections/", ways_in.rejections, name="way_in_rejections"),
    path("data-sources/<int:way_in_id>/rename/", ways_in.rename, name="rename_way_in"),
    path("data-sources/<int:way_in_id>/key/", ways_in.rotate, name="rotate_way_in"),
    path("data-sources/<int:way_in_id>/revoke/", ways_in.revoke, name="revoke_way_in"),
    path("data-sources/<int:way_in_id>/replay/", ways_in.replay, name="replay_way_in"),
    path("data-audit/", metrics.audit_data, name="audit_data"),
    path("data-audit/recompute/", metrics.recompute, name="recompute"),
    path("metrics/", metrics.metrics_settings, name="metrics_settings"),
    path("<int:pk>/", customers.detail, name="detail"),
    path("<int:pk>/timeline/", timeline.customer_timeline, name="timeline"),
    path("<int:pk>/personal-data/", privacy.export_customer, name="export_customer"),
    path("<int:pk>/erase/", privacy.erase_customer, name="erase_customer"),
    path("<int:pk>/edit/", customers.edit, name="edit"),
]
