"""The API that is promised to stay: `/api/v1`."""
