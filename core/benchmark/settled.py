"""The last module that the fork server imports: what is there by then is never searched for garbage again.

The first collection in a process that holds PyTorch and ONNX Runtime takes a tenth of a second or more, and
copies the memory that the process shares with the server. It is made here, once, instead of in every process.
"""

import gc

gc.collect()
gc.freeze()
