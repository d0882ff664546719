import assert from "node:assert/strict";
import { test } from "node:test";
import type { Hass } from "../src/hass.ts";
import { followMesh, linkKey, MeshStore, RETRY, type FeedMessage, type NodeInfo, type PeerInfo, type Snapshot } from "../src/feed.ts";

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
    links: [[0, 1, 12, "direct_lan", "good", "own", null]], ...changes,
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
    links: [[2, 3, null, "turn_udp", "unknown", "both", null]],
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
  store.apply({ type: "changes", peers: [peer(1, { rtt_ms: 99 })], links: [[1, 0, 99, "direct_lan", "poor", "own", null]] });
  assert.equal(store.shape, shape);
  assert.ok(store.version > version);
  store.apply({ type: "changes", links: [[1, 2, 5, "direct_lan", "good", "first", null]] });
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

/** A connection that the test plays. */
class Line {
  asked: { tell: (message: FeedMessage) => void; resolve: (end: () => Promise<void>) => void; reject: (error: unknown) => void }[] = [];
  ended = 0;
  listeners = new Map<string, Set<() => void>>([["ready", new Set()], ["disconnected", new Set()]]);
  readonly end = async (): Promise<void> => void (this.ended += 1);

  subscribeMessage = (tell: (message: FeedMessage) => void): Promise<() => Promise<void>> =>
    new Promise((resolve, reject) => this.asked.push({ tell, resolve, reject }));
  addEventListener = (event: string, listener: () => void): void => void this.listeners.get(event)!.add(listener);
  removeEventListener = (event: string, listener: () => void): void => void this.listeners.get(event)!.delete(listener);
  emit(event: string): void {
    for (const listener of this.listeners.get(event)!) listener();
  }
}

function follow(line: Line): { heard: string[]; failed: unknown[]; stop: () => void } {
  const heard: string[] = [];
  const failed: unknown[] = [];
  const hass = { connection: line } as unknown as Hass;
  const stop = followMesh(hass, undefined, ({ type }) => heard.push(type), (error) => failed.push(error));
  return { heard, failed, stop };
}

const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
};

test("a mesh is asked for again after a reconnection, and the lost subscription not ended", async () => {
  const line = new Line();
  const { heard, stop } = follow(line);
  line.asked[0]!.resolve(line.end);
  await settled();
  line.asked[0]!.tell(snapshot());
  line.emit("disconnected");
  assert.deepEqual(heard, ["snapshot", "unavailable"]);
  line.emit("ready");
  assert.equal(line.asked.length, 2);
  assert.equal(line.ended, 0);
  // Something late of the former subscription means nothing.
  line.asked[0]!.tell(snapshot());
  line.asked[1]!.tell(snapshot());
  assert.deepEqual(heard, ["snapshot", "unavailable", "snapshot"]);
  line.asked[1]!.resolve(line.end);
  await settled();
  stop();
  assert.equal(line.ended, 1);
  assert.deepEqual([...line.listeners.values()].map(({ size }) => size), [0, 0]);
});

test("an integration that is not there yet is asked again until it is", async () => {
  const { setTimeout: real } = globalThis;
  const timers: { run: () => void; after: number }[] = [];
  globalThis.setTimeout = ((run: () => void, after: number) =>
    timers.push({ run, after })) as unknown as typeof setTimeout;
  try {
    const line = new Line();
    const { heard, failed, stop } = follow(line);
    line.asked[0]!.reject({ code: "unknown_command" });
    await settled();
    assert.equal(failed.length, 1);
    assert.deepEqual(timers.map(({ after }) => after), [RETRY]);
    timers[0]!.run();
    assert.equal(line.asked.length, 2);
    line.asked[1]!.tell(snapshot());
    assert.deepEqual(heard, ["snapshot"]);
    stop();
    // Whatever fails after that is nobody's business.
    line.asked[1]!.reject({ code: "unknown_command" });
    await settled();
    assert.equal(timers.length, 1);
  } finally {
    globalThis.setTimeout = real;
  }
});

test("a subscription that begins after nobody wants it any more is ended", async () => {
  const line = new Line();
  const { heard, stop } = follow(line);
  stop();
  line.asked[0]!.resolve(line.end);
  await settled();
  line.asked[0]!.tell(snapshot());
  assert.equal(line.ended, 1);
  assert.deepEqual(heard, []);
});
