"""Sphinx extension: `annotated`, a directive that shows a source file with its prose beside the code.

    ```{annotated} xnp.ops.conv2d
    ```
"""

from annotated.directive import setup

__all__ = ["setup"]
