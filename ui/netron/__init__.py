"""Netron, the viewer of model files, on this app's own port: every visitor sees their own models only.

The web app is the one in the `netron` wheel. Its Python server is not used: it has one model per process.
"""
