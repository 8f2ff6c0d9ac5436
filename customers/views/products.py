"""What the store sells: the list of products, and who buys each."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from customers import actions, products
from customers.filters import ProductFilter
from customers.models import Product
from customers.resources import CustomerResource, customer_rows
from customers.tables import CUSTOMER_SORTS, CustomerTable, ProductTable
from portal.access import Permission
from portal.exporting import TooManyRows, csv_response, xlsx_response
from portal.paging import COUNTED_AT_MOST, paginate
from portal.store_views import StoreRequest, store_view


def the_product(request: StoreRequest, product_id: int) -> Product:
    """The store's product; Http404 for one of another store."""
    found: Product = get_object_or_404(products.products(request.store), pk=product_id)
    found.store = request.store
    return found


@store_view(Permission.VIEW)
def product_list(request: StoreRequest) -> HttpResponse:
    filters = ProductFilter(request.GET, store=request.store, queryset=products.products(request.store))
    is_narrowed = bool(filters.active or request.GET.get("q", "").strip())
    page = paginate(filters.qs, request.GET, sorts=products.SORTS, default="title", searched=is_narrowed)
    context = {
        "page": page,
        "table": ProductTable(page, store=request.store),
        "filters": filters,
        "is_narrowed": is_narrowed,
        "counted_at": max((row.counted_at for row in page.rows if row.counted_at), default=None),
        "sorted": [("sort", page.sort)] if "sort" in request.GET else [],
    }
    return render(request, "customers/products.html", context)


@store_view(Permission.VIEW)
def product_detail(request: StoreRequest, product_id: int) -> HttpResponse:
    product = the_product(request, product_id)
    found = products.buyers(request.store, product, by_page=True)
    # Counting those of a product that everybody buys would take longer than all else on the page.
    is_many = product.buyers > products.FEW
    count = min(product.buyers, COUNTED_AT_MOST) if is_many else None
    page = paginate(
        found,
        request.GET,
        sorts=CUSTOMER_SORTS,
        default="-signed_up",
        count=count,
        is_capped=is_many and product.buyers > COUNTED_AT_MOST,
    )
    context = {"product": product, "page": page, "table": CustomerTable(page, store=request.store)}
    return render(request, "customers/product.html", context)


@store_view(Permission.EXPORT, methods=("POST",))
def product_export(request: StoreRequest, product_id: int) -> HttpResponseBase:
    """Those who buy the product, as a file that can be imported again."""
    product = the_product(request, product_id)
    found = products.buyers(request.store, product)
    kind = "xlsx" if request.POST.get("kind") == "xlsx" else "csv"
    answer = xlsx_response if kind == "xlsx" else csv_response
    filename = f"{request.store.name} {product.title} {timezone.localdate():%Y-%m-%d}"
    try:
        response = answer(filename, CustomerResource().get_export_headers(), customer_rows(found, request.store.zone))
    except TooManyRows as error:
        messages.error(request, str(error))
        return redirect("customers:product", request.store.slug, product.pk)
    which = [f"those who buy {product.title}"]
    actions.note_export(request.store, which=which, count=found.order_by().count(), kind=kind, actor=request.user)
    return response
