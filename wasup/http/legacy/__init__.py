"""The routes of the Node service that wasup replaces, so that the back end which calls them works unchanged.

They have a key, an error shape and a tolerance of their own, and nothing of that reaches the other routes.
"""

from wasup.http.legacy.door import LegacyDoor as LegacyDoor
from wasup.http.legacy.mounting import mount_legacy as mount_legacy
