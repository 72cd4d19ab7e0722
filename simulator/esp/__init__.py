"""An email service provider that misbehaves: a server that speaks eight providers' APIs and SMTP, and fails as asked.

It keeps what it accepted, as the recipient would find it, so that tests can count letters and compare them with what was
printed. `simulator/esp/handle.py` starts one in a process of its own; `letterpress simulate esp` does so by hand.
"""
