"""Exit 0 when the web in this container answers /healthz with 200, under the host name that it is served as."""

import os
import sys
from urllib.parse import urlsplit

import requests

address = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}/healthz"
public = urlsplit(os.environ.get("COTERIE_PUBLIC_URL", "http://127.0.0.1:8000"))
try:
    sys.exit(0 if requests.get(address, headers={"Host": public.netloc}, timeout=4).status_code == 200 else 1)
except requests.RequestException:
    sys.exit(1)
