#!/bin/sh
# What a container runs. Settings of titan-node come from the environment (TITAN_GRPC_ADDR and so on, see
# `titan-node --help`); this adds what only a container knows, waits for a seed if told to, and becomes titan-node, which
# then gets the signals. Arguments are handed on as they are: nothing is put together to be parsed again.
set -eu

# A first argument that is no flag is another program: `docker run … titan-node --help`, `… sh`.
case "${1:-}" in
  "" | -*) ;;
  *) exec "$@" ;;
esac

# Short names, as other stores use them, for those that are not set by their own.
for name in NODE_ID GRPC_ADDR RAFT_ADDR DATA_DIR BOOTSTRAP PEERS JOIN; do
  eval "own=\${TITAN_$name:-} short=\${$name:-}"
  # `export NAME=value` takes the value as it is: a `|` in PEERS stays one.
  if [ -z "$own" ] && [ -n "$short" ]; then export "TITAN_$name=$short"; fi
done

host=$(hostname)
: "${TITAN_NODE_ID:=$host}"
# A container is reached from outside it, or not at all.
: "${TITAN_GRPC_ADDR:=0.0.0.0:7420}"
: "${TITAN_RAFT_ADDR:=0.0.0.0:7421}"
# Port by port what others dial; `:PORT` and `0.0.0.0:PORT` name no host.
: "${TITAN_ADVERTISE_GRPC_ADDR:=$host:${TITAN_GRPC_ADDR##*:}}"
: "${TITAN_ADVERTISE_RAFT_ADDR:=$host:${TITAN_RAFT_ADDR##*:}}"
: "${TITAN_DATA_DIR:=/data}"
export TITAN_NODE_ID TITAN_GRPC_ADDR TITAN_RAFT_ADDR TITAN_ADVERTISE_GRPC_ADDR TITAN_ADVERTISE_RAFT_ADDR TITAN_DATA_DIR

# A seed is only needed to join; a node that has joined starts without one.
if [ -n "${WAIT_FOR:-}" ] && [ ! -e "$TITAN_DATA_DIR/node.json" ]; then
  node "${TITAN_WAIT_FOR:-/usr/local/lib/titan/wait-for.mjs}" "$WAIT_FOR" "${WAIT_SECONDS:-60}"
fi

exec titan-node "$@"
