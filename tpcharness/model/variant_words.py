"""What each variant does, in a sentence for people."""

from __future__ import annotations

from tpcharness.model.variant import Variant

SENTENCES: dict[Variant, str] = {
    Variant.DOOR: "Looks at every address of the https door: TLS, token, one small file there and back.",
    Variant.ROOT_DOOR: "Does the same at the root door.",
    Variant.HTTPS_PULL: "HTTP third-party copy; the destination fetches.",
    Variant.HTTPS_PUSH: "HTTP third-party copy; the source sends.",
    Variant.ROOT_PULL: "xroot third-party copy; the destination fetches.",
    Variant.TAPE_INFO: "Asks the tape service where the registered files are; mounts nothing.",
    Variant.TAPE_STAGE: "Stages a registered file, reads its first byte, releases it.",
    Variant.TAPE_RECALL: "Stages a registered file at the source and copies it to the destination.",
    Variant.TAPE_ARCHIVE: "Copies a file into the destination's archive directory and waits until it is on tape.",
    Variant.WEBDAV_UPLOAD: "We write a file by https.",
    Variant.WEBDAV_DOWNLOAD: "We read a file by https, whole and in ranges as analysis jobs do.",
    Variant.ROOT_UPLOAD: "We write a file by xroot.",
    Variant.ROOT_DOWNLOAD: "We read a file by xroot, whole and in pieces as analysis jobs do.",
    Variant.CACHE_READ: "We read a file through a cache in front of the storage, cold and then warm.",
    Variant.GSIFTP_DOOR: "Looks whether a GridFTP door that should be shut still answers; logs in nowhere.",
    Variant.SRM_DOOR: "Looks whether an SRM door that should be shut still answers.",
    Variant.GFAL_DAVS_DAVS: "gfal2 makes the https copy, as FTS does; the destination fetches.",
    Variant.GFAL_ROOT_ROOT: "gfal2 makes the xroot copy.",
    Variant.GFAL_GSIFTP_GSIFTP: "gfal2 makes the GridFTP copy.",
    Variant.GFAL_SRM_SRM: "gfal2 makes the SRM copy.",
}
