"""The dashboards, one file each, by the name of their JSON file and the end of their uid."""

from grafana.boards import credentials, endpoint, harness, link, overview

BOARDS = {
    "overview": overview.make,
    "endpoint": endpoint.make,
    "link": link.make,
    "credentials": credentials.make,
    "harness": harness.make,
}
