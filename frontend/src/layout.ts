/**
 * Where the nodes of the picture stand: this node in the middle, the others around it by hops.
 *
 * Each number of hops has a ring as wide as its peers need, and a peer stands near the one it hangs
 * on. No iteration: a thousand peers take about a millisecond, and the same mesh looks the same.
 */

export interface Point {
  x: number;
  y: number;
}

export interface Edge {
  a: number;
  b: number;
}

/** Positions in a square from -1 to 1, and the room a node has (a radius in the same unit). */
export interface Layout {
  positions: Map<number, Point>;
  room: number;
}

/** Peers of a mesh that all stand beside this node, in a picture that is not high. */
export const MAX_BESIDE = 2;

const GOLDEN = Math.PI * (3 - Math.sqrt(5));

/** The number of hops of every peer that can be reached, and the peer before it on the way. */
export function hopsFrom(
  own: number,
  peers: readonly number[],
  edges: Iterable<Edge>,
): { hops: Map<number, number>; parents: Map<number, number> } {
  const neighbours = new Map<number, number[]>([own, ...peers].map((peer) => [peer, []]));
  for (const { a, b } of edges) {
    const ofA = neighbours.get(a);
    const ofB = neighbours.get(b);
    if (ofA && ofB) {
      ofA.push(b);
      ofB.push(a);
    }
  }
  const hops = new Map([[own, 0]]);
  const parents = new Map<number, number>();
  const queue = [own];
  for (let next = 0; next < queue.length; next += 1) {
    const peer = queue[next] as number;
    const further = (hops.get(peer) as number) + 1;
    for (const neighbour of (neighbours.get(peer) as number[]).sort((a, b) => a - b)) {
      if (hops.has(neighbour)) continue;
      hops.set(neighbour, further);
      parents.set(neighbour, peer);
      queue.push(neighbour);
    }
  }
  return { hops, parents };
}

/** Lays out the mesh around *own*; of many peers those without a way to it stand at the rim. */
export function layOut(own: number, peers: readonly number[], edges: Iterable<Edge>): Layout {
  const positions = new Map<number, Point>([[own, { x: 0, y: 0 }]]);
  if (peers.length === 0) return { positions, room: 0.5 };
  const { hops, parents } = hopsFrom(own, peers, edges);
  const reached = [...peers].filter((peer) => hops.has(peer));
  const lost = [...peers].filter((peer) => !hops.has(peer));
  const rings: number[][] = [];
  for (const peer of reached) (rings[(hops.get(peer) as number) - 1] ??= []).push(peer);
  if (lost.length) {
    // In a small mesh a peer that goes stays where it was, and only turns red.
    if (peers.length <= 24) (rings[0] ??= []).push(...lost);
    else rings.push(lost);
  }

  // Small meshes get one circle each; many peers fill a ring that is as wide as they need.
  const crowded = rings.some((ring) => ring.length > 24);
  const angles = new Map<number, number>([[own, 0]]);
  const total = peers.length;
  let before = 0;
  let room = 1;
  rings.forEach((ring, index) => {
    const angleOf = (peer: number): number => angles.get(parents.get(peer) ?? own) ?? 0;
    const sorted = [...ring].sort((a, b) => angleOf(a) - angleOf(b) || a - b);
    const inner = crowded ? Math.sqrt((before + 0.02 * total) / (1.02 * total)) : 0;
    before += ring.length;
    const outer = crowded ? Math.sqrt((before + 0.02 * total) / (1.02 * total)) : 0;
    sorted.forEach((peer, place) => {
      // From the top, clockwise; two stand side by side, because pictures are wider than high.
      const beside = total <= MAX_BESIDE;
      const start = beside || sorted.length === 2 ? Math.PI : -Math.PI / 2;
      const shift = beside ? 0 : (index % 2) / 2;
      const turn = start + ((place + shift) * 2 * Math.PI) / sorted.length;
      let radius: number;
      if (crowded) {
        // Neighbours in the circle stand at different distances, so that they have room.
        const spread = ((place * GOLDEN) / (2 * Math.PI)) % 1;
        radius = inner + (outer - inner) * (0.1 + 0.8 * spread);
      } else {
        radius = (0.92 * (index + 1)) / rings.length;
      }
      angles.set(peer, turn);
      positions.set(peer, { x: radius * Math.cos(turn), y: radius * Math.sin(turn) });
    });
    if (!crowded) {
      const circumference = (2 * Math.PI * 0.92 * (index + 1)) / rings.length;
      room = Math.min(room, circumference / sorted.length / 2, 0.46 / rings.length);
    }
  });
  if (crowded) room = 0.8 / Math.sqrt(total);
  return { positions, room };
}
