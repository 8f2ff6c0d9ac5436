"""Exit 0 when the web in this container answers /healthz with 200, under the host name that it is served as."""

import http.client
import os
import sys
from urllib.parse import urlsplit

public = urlsplit(os.environ.get("COTERIE_PUBLIC_URL", "http://127.0.0.1:8000"))
try:
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT", "8000")), timeout=4)
    connection.request("GET", "/healthz", headers={"Host": public.netloc})
    sys.exit(0 if connection.getresponse().status == 200 else 1)
except OSError:
    sys.exit(1)
