"""The REST API of this app: views that read, call one service and answer."""
