"""The processes of an installation: started, watched, restarted and ended together.

`process.py` watches one child, `supervisor.py` all of them, `lifeline.py` is the child's side of that; the rest is
what each child is: `queue_group.py`, `web.py`, and the commands `keeper` and `mail_catcher`.
"""
