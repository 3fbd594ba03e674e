"""The emulator's other door: a page that plays web.whatsapp.com for real, unmodified clients.

`page/` is the page itself, plain JavaScript modules; the Python beside it serves it and answers its socket. The
page speaks the frames of `wasup.emulator.wire`, and some more of its own (`frames`).
"""
