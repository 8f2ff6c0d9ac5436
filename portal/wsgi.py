"""The web application, for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import resolve

from portal import collector
from portal.incoming import WholeBodies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
os.environ.setdefault("COTERIE_ROLE", "web")

application = WholeBodies(get_wsgi_application())
resolve("/")  # reads in all views
collector.settle()
