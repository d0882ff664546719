import assert from "node:assert/strict";
import { test } from "node:test";
import type { PeerInfo } from "../src/feed.ts";
import { COLUMNS, filterPeers, pageOf, PAGE_SIZE, sortPeers } from "../src/order.ts";
import { byImportance, patternOf, rtt } from "../src/painter.ts";
import { ago } from "../src/time.ts";

function peer(n: number, changes: Partial<PeerInfo> = {}): PeerInfo {
  return {
    n, id: `peer${n}`, name: `Peer ${n}`, device_id: null, role: "observe", state: "connected",
    path: "direct_lan", band: "good", score: 70, rtt_ms: 12, loss_percent: 0, last_seen: null, ...changes,
  };
}

test("what is unknown comes last in both directions", () => {
  const peers = [peer(1, { rtt_ms: null }), peer(2, { rtt_ms: 30 }), peer(3, { rtt_ms: 4 })];
  const order = (descending: boolean): number[] =>
    sortPeers(peers, { column: "rtt_ms", descending }).map(({ n }) => n);
  assert.deepEqual(order(false), [3, 2, 1]);
  assert.deepEqual(order(true), [2, 3, 1]);
});

test("unreachable peers come first when the state is sorted by", () => {
  const peers = [peer(1), peer(2, { state: "down" }), peer(3, { state: "routed" })];
  assert.deepEqual(sortPeers(peers, { column: "state", descending: false }).map(({ n }) => n), [2, 3, 1]);
});

test("a connected peer was seen last of all", () => {
  const peers = [peer(1, { state: "down", last_seen: "2026-01-01T00:00:00+00:00" }), peer(2)];
  assert.deepEqual(sortPeers(peers, { column: "last_seen", descending: true }).map(({ n }) => n), [2, 1]);
});

test("numbers in names count as numbers", () => {
  const peers = [peer(1, { name: "Site 10" }), peer(2, { name: "site 9" })];
  assert.deepEqual(sortPeers(peers, { column: "name", descending: false }).map(({ n }) => n), [2, 1]);
});

test("every column sorts without changing what is sorted", () => {
  const peers = [peer(2), peer(1, { score: null, band: "unknown", path: "down", state: "down" })];
  for (const column of COLUMNS) sortPeers(peers, { column, descending: true });
  assert.deepEqual(peers.map(({ n }) => n), [2, 1]);
});

test("a name is found whatever its case", () => {
  assert.deepEqual(filterPeers([peer(1, { name: "Studio" }), peer(2)], " sTU ").map(({ n }) => n), [1]);
});

test("a page beyond the last one is the last one", () => {
  const { items, page, pages } = pageOf(Array.from({ length: PAGE_SIZE + 1 }, (_, n) => n), 9);
  assert.deepEqual([items, page, pages], [[PAGE_SIZE], 1, 2]);
  assert.deepEqual(pageOf([], 3), { items: [], page: 0, pages: 1 });
});

test("the names that matter are written first", () => {
  const peers = [peer(1, { state: "routed" }), peer(2), peer(3, { state: "down" }), peer(4)];
  assert.deepEqual(byImportance(peers, 4).map(({ n }) => n), [4, 3, 2, 1]);
});

test("relays and routes have patterns of their own", () => {
  assert.deepEqual(["direct_wan", "turn_tls", "routed"].map((path) => patternOf(path as PeerInfo["path"])), [
    "direct", "relayed", "routed",
  ]);
});

test("short round trips have a decimal, long ones do not", () => {
  assert.deepEqual([rtt(0.44), rtt(9.96), rtt(123.4)], ["0.4", "10.0", "123"]);
});

test("how long ago is said in the language of the user", () => {
  const now = Date.parse("2026-01-01T12:00:00Z");
  assert.equal(ago(new Date(now - 300_000), "en", now), "5 minutes ago");
  assert.equal(ago(new Date(now - 300_000), "de", now), "vor 5 Minuten");
  assert.equal(ago(new Date(now + 5000), "en", now), "now");
});
