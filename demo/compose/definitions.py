"""Put the example definitions into the sandbox's S3, where the DAGs look for them.

    python -m demo.compose.definitions ENDPOINT_URL

The sandbox keeps S3 in memory, so this runs after each of its starts.
"""

from __future__ import annotations

import sys

from demo.run import upload
from harness.sandbox_process import aws_client

if __name__ == "__main__":
    upload(aws_client(sys.argv[1], "s3"))
