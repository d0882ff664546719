import assert from "node:assert/strict";
import { test } from "node:test";
import { MeshStore, type LinkInfo, type Says } from "../src/feed.ts";
import { countReports, isProven, proofOf, PROVEN_FOR, reportsOf } from "../src/proof.ts";
import { textsOf } from "../src/texts.ts";
import { peer } from "./feed.test.ts";

const now = 1_700_000_000_000;
const link = (secondsAgo: number | null): LinkInfo => ({
  a: 0, b: 1, rtt_ms: 1, path: "direct_lan", band: "good", own: true, says: "own",
  proven: secondsAgo === null ? null : now / 1000 - secondsAgo,
});

test("a proof is marked for some minutes and told for as long as the link lives", () => {
  assert.ok(isProven(link(0), now));
  assert.ok(isProven(link(PROVEN_FOR), now));
  assert.ok(!isProven(link(PROVEN_FOR + 1), now));
  assert.ok(!isProven(link(null), now));
  const says = (seconds: number | null, language: string): string =>
    proofOf(link(seconds), textsOf(language), language, now);
  assert.equal(says(7200, "en"), "delivery proven 2 hours ago");
  assert.equal(says(180, "de"), "Zustellung vor 3 Minuten belegt");
  assert.equal(says(120, "fr"), "livraison prouvée il y a 2 minutes");
  assert.equal(says(null, "en"), "delivery not proven yet");
});

test("a clock that is behind Home Assistant's makes no proof of the future", () => {
  assert.ok(isProven(link(-90), now));
  assert.equal(proofOf(link(-90), textsOf("en"), "en", now), "delivery proven just now");
});

test("of links between others it is told how many ends report them", () => {
  const store = new MeshStore();
  const others = (a: number, b: number, says: Says) => [a, b, 5, "direct_lan", "good", says, null] as const;
  store.apply({
    type: "snapshot",
    node: { n: 0, id: "", name: "", device_id: null, entry_id: "", mesh: "", fingerprint: "", can_invite: false },
    peers: [peer(1), peer(2), peer(3)],
    links: [[...others(0, 1, "own")], [...others(1, 2, "both")], [...others(1, 3, "first")], [...others(2, 3, "second")]],
  });
  const counts = countReports(store);
  assert.deepEqual(counts.get(1), { both: 1, one: 1 });
  assert.deepEqual(counts.get(3), { both: 0, one: 2 });
  assert.equal(counts.get(0), undefined);
  const texts = textsOf("en");
  assert.equal(reportsOf(counts.get(1), texts), "Links with others: reported by both ends 1, reported by one end only 1");
  assert.equal(reportsOf(counts.get(3), texts), "Links with others: reported by one end only 2");
  assert.equal(reportsOf(undefined, texts), "");
});
