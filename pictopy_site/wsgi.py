"""The WSGI application. `manage.py up` serves it through `rsgi`; another server may serve it directly."""

import os

from django.core.wsgi import get_wsgi_application

os.umask(0o077)  # as in manage.py
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pictopy_site.settings")

application = get_wsgi_application()
