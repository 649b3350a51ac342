"""What granian serves: Django behind `front`."""

from django.conf import settings

from pictopy_site.front import Front
from pictopy_site.uploads import allowances
from pictopy_site.wsgi import application as django_application

application = Front(
    django_application, max_body_bytes=settings.DATA_UPLOAD_MAX_MEMORY_SIZE, allowances=allowances()
).handle
