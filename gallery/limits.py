"""How much may be sent at once. Apart from `uploads`, which needs Django to be set up."""

# A request carries at most this much of a file: all of it is in memory for a moment.
CHUNK_BYTES = 2_000_000
# What a browser without scripts can send at once.
FORM_BYTES = 16_000_000
# A picture whose faces are looked for, and the form that brings it.
FACE_PICTURE_BYTES = 15_000_000
FACE_FORM_BYTES = FACE_PICTURE_BYTES + 100_000
# A longer form than that is read and dropped up to here, so that the page says so; browsers show no answer to a request
# that was cut off.
FACE_DROPPED_BYTES = 60_000_000
