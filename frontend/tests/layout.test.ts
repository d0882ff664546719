import assert from "node:assert/strict";
import { performance } from "node:perf_hooks";
import { test } from "node:test";
import { hopsFrom, layOut, type Edge } from "../src/layout.ts";

const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n + 1);

/** A mesh in which everybody has about twelve links. */
function bigMesh(count: number): Edge[] {
  const edges: Edge[] = [];
  for (let a = 0; a < count; a += 1) {
    for (const step of [1, 7, 31, 113, 257, 389]) edges.push({ a, b: (a + step) % count });
  }
  return edges;
}

test("this node stands in the middle and its peers on a circle with the same distances", () => {
  const { positions } = layOut(0, [1, 2, 3, 4], [1, 2, 3, 4].map((b) => ({ a: 0, b })));
  assert.deepEqual(positions.get(0), { x: 0, y: 0 });
  const distances = [1, 2, 3, 4].map((n) => {
    const { x, y } = positions.get(n)!;
    return Math.hypot(x, y).toFixed(6);
  });
  assert.equal(new Set(distances).size, 1);
});

test("a peer that is two hops away stands further out than the one before it", () => {
  const { positions } = layOut(0, [1, 2], [{ a: 0, b: 1 }, { a: 1, b: 2 }]);
  const far = (n: number): number => Math.hypot(positions.get(n)!.x, positions.get(n)!.y);
  assert.ok(far(2) > far(1));
});

test("one peer or two stand beside this node, so that the picture need not be high", () => {
  const [one, two] = [{ a: 0, b: 1 }, { a: 0, b: 2 }];
  for (const edges of [[one, two], [one], [one, { a: 1, b: 2 }]]) {
    const { positions } = layOut(0, [1, 2], edges);
    assert.ok([...positions.values()].every(({ y }) => Math.abs(y) < 1e-9));
    assert.notDeepEqual(positions.get(1), positions.get(2));
  }
  assert.ok(Math.abs(layOut(0, [1], [one]).positions.get(1)!.y) < 1e-9);
});

test("in a small mesh a peer that goes stays where it was", () => {
  const before = layOut(0, [1, 2, 3], [1, 2, 3].map((b) => ({ a: 0, b })));
  const after = layOut(0, [1, 2, 3], [1, 3].map((b) => ({ a: 0, b })));
  assert.deepEqual(after.positions, before.positions);
});

test("of many peers those that nobody reaches stand at the rim and everybody has a place", () => {
  const { positions } = layOut(0, numbers(60), numbers(50).map((b) => ({ a: 0, b })));
  assert.equal(positions.size, 61);
  const far = (n: number): number => Math.hypot(positions.get(n)!.x, positions.get(n)!.y);
  const reached = Math.max(...numbers(50).map(far));
  assert.ok(numbers(60).slice(50).every((n) => far(n) > reached));
});

test("links to peers that are not known are left out", () => {
  const { hops } = hopsFrom(0, [1], [{ a: 0, b: 99 }, { a: 0, b: 1 }]);
  assert.deepEqual([...hops], [[0, 0], [1, 1]]);
});

test("the same mesh looks the same, in whatever order its links came", () => {
  const edges = bigMesh(200);
  const there = layOut(0, numbers(199), edges);
  const back = layOut(0, numbers(199), [...edges].reverse());
  assert.deepEqual(there.positions, back.positions);
});

test("a thousand peers have room, stay in the picture, and are placed in a fraction of a second", () => {
  const edges = bigMesh(1001);
  const began = performance.now();
  const { positions, room } = layOut(0, numbers(1000), edges);
  assert.ok(performance.now() - began < 500);
  assert.equal(positions.size, 1001);
  const points = [...positions.values()];
  assert.ok(points.every(({ x, y }) => Math.hypot(x, y) <= 1));
  // Hardly any two nodes cover each other at the size they are drawn with.
  let close = 0;
  points.forEach((a, index) => {
    for (const b of points.slice(index + 1)) {
      if (Math.hypot(a.x - b.x, a.y - b.y) < room * 0.4) close += 1;
    }
  });
  assert.ok(close < 50, `${close} pairs are too close`);
});

test("a mesh of one is one node", () => {
  assert.equal(layOut(7, [], []).positions.size, 1);
});
