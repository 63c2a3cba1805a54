"""Follows the ConfigMaps of a namespace as a long-lived program would; prints what it sees, a JSON line each."""

import json
import sys
import time

from kubernetes import client, config, watch

kubeconfig, namespace = sys.argv[1:]
config.load_kube_config(kubeconfig)
api = client.CoreV1Api()
known = {}


def say(kind, obj):
    version = int(obj.metadata.resource_version)
    print(json.dumps({"type": kind, "name": obj.metadata.name, "version": version}), flush=True)


def keep(obj):
    name = obj.metadata.name
    if known.get(name) == obj.metadata.resource_version:
        return
    say("update" if name in known else "add", obj)
    known[name] = obj.metadata.resource_version


def forget(obj):
    if known.pop(obj.metadata.name, None):
        say("delete", obj)


def resync():
    listed = api.list_namespaced_config_map(namespace)
    names = {obj.metadata.name for obj in listed.items}
    for obj in listed.items:
        keep(obj)
    for name in set(known) - names:
        print(json.dumps({"type": "delete", "name": name, "version": 0}), flush=True)
        del known[name]
    return listed.metadata.resource_version


revision = None
while True:
    try:
        revision = revision or resync()
        stream = watch.Watch().stream(
            api.list_namespaced_config_map, namespace, resource_version=revision, allow_watch_bookmarks=True
        )
        for event in stream:
            obj = event["object"]
            if event["type"] in ("ADDED", "MODIFIED"):
                keep(obj)
            elif event["type"] == "DELETED":
                forget(obj)
            if hasattr(obj, "metadata"):
                revision = obj.metadata.resource_version
    except client.ApiException as error:
        revision = None if error.status == 410 else revision
        time.sleep(0.1)
    except Exception:  # the server is away: try again until this program is ended
        time.sleep(0.1)
