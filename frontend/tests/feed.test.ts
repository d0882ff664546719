import assert from "node:assert/strict";
import { test } from "node:test";
import { linkKey, MeshStore, type NodeInfo, type PeerInfo, type Snapshot } from "../src/feed.ts";

const node: NodeInfo = {
  n: 0, id: "own", name: "Home", device_id: "d0", entry_id: "e0", mesh: "Family", fingerprint: "abcd", can_invite: true,
};

export function peer(n: number, changes: Partial<PeerInfo> = {}): PeerInfo {
  return {
    n, id: `peer${n}`, name: `Peer ${n}`, device_id: `d${n}`, role: "observe", state: "connected",
    path: "direct_lan", band: "good", score: 70, rtt_ms: 12, loss_percent: 0, last_seen: null, ...changes,
  };
}

function snapshot(changes: Partial<Snapshot> = {}): Snapshot {
  return {
    type: "snapshot", node, peers: [peer(1), peer(2)],
    links: [[0, 1, 12, "direct_lan", "good", true]], ...changes,
  };
}

test("a snapshot replaces everything that was known", () => {
  const store = new MeshStore();
  store.apply(snapshot());
  store.apply(snapshot({ peers: [peer(5)], links: [] }));
  assert.deepEqual([...store.peers.keys()], [5]);
  assert.equal(store.links.size, 0);
  assert.ok(store.available);
});

test("changes add, replace and remove only what they name", () => {
  const store = new MeshStore();
  store.apply(snapshot());
  store.apply({
    type: "changes",
    peers: [peer(2, { state: "down" }), peer(3)],
    peers_removed: [1],
    links: [[2, 3, null, "turn_udp", "unknown", false]],
    links_removed: [[1, 0]],
  });
  assert.deepEqual([...store.peers.keys()].sort(), [2, 3]);
  assert.equal(store.peers.get(2)?.state, "down");
  assert.deepEqual([...store.links.keys()], [linkKey(3, 2)]);
  assert.deepEqual(store.counts(), { connected: 1, routed: 0, down: 1 });
});

test("a measurement does not move the picture, a new link does", () => {
  const store = new MeshStore();
  store.apply(snapshot());
  const { shape, version } = store;
  store.apply({ type: "changes", peers: [peer(1, { rtt_ms: 99 })], links: [[1, 0, 99, "direct_lan", "poor", true]] });
  assert.equal(store.shape, shape);
  assert.ok(store.version > version);
  store.apply({ type: "changes", links: [[1, 2, 5, "direct_lan", "good", false]] });
  assert.ok(store.shape > shape);
});

test("a mesh that stops keeps its last picture and says that it is one", () => {
  const store = new MeshStore();
  store.apply(snapshot());
  store.apply({ type: "unavailable" });
  assert.equal(store.available, false);
  assert.equal(store.peers.size, 2);
});

test("a link is the same from both ends", () => {
  assert.equal(linkKey(3, 900), linkKey(900, 3));
  assert.notEqual(linkKey(3, 900), linkKey(4, 900));
});
