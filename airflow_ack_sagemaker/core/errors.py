"""`AckError`: the base of every exception of this package, so that ``except AckError`` means all of them."""

from __future__ import annotations


class AckError(Exception):
    """Anything that this package raises.

    ```python
    from airflow_ack_sagemaker.exceptions import AckError, AckExecutionFailed

    def tell(context):  # an on_failure_callback
        error = context["exception"]
        if isinstance(error, AckExecutionFailed):
            print("SageMaker says:", error)
        elif isinstance(error, AckError):
            print("not begun, or not known:", error)
    ```
    """
