# PictoPy in one container: web server and workers under `manage.py up`. Data and models live in volumes.
FROM debian:12-slim

RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-venv ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home pictopy \
    && mkdir /data /models /photos \
    && chown pictopy: /data /models

WORKDIR /app
COPY requirements.txt requirements-postgres.txt ./
RUN python3 -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check -r requirements.txt -r requirements-postgres.txt
COPY --chown=root:root . .

ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PICTOPY_DATA=/data \
    PICTOPY_MODELS=/models \
    PICTOPY_ROOTS=/photos \
    PICTOPY_HOST=0.0.0.0

USER pictopy
VOLUME ["/data", "/models"]
EXPOSE 8000
# `docker stop` gives ten seconds; the workers may take a little longer to finish the photo they are at.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python3", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health/', timeout=4)"]
CMD ["python3", "manage.py", "up", "--fetch-models", "--photos", "/photos"]
