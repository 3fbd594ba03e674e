"""Media: bytes on disk, what kind of file they are, and fetching them from an address."""

from wasup.media.fetch import Fetched as Fetched, FetchFailed as FetchFailed, MediaFetcher as MediaFetcher
from wasup.media.folder import FolderMedia as FolderMedia
from wasup.media.kinds import (
    LIMITS as LIMITS,
    MediaKind as MediaKind,
    MediaRefused as MediaRefused,
    check_media as check_media,
    kind_of_mime as kind_of_mime,
    sniff as sniff,
)
