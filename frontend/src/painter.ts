/** Draws the mesh on a canvas. Knows positions and colours, nothing of the page around it. */

import { BANDS, type Band, type MeshStore, type Path, type PeerInfo } from "./feed.ts";
import { layOut, type Layout, type Point } from "./layout.ts";
import { isProven } from "./proof.ts";

export type Colours = Record<Band | "text" | "secondary" | "background" | "own" | "down" | "line", string>;

/** How a link runs, as a pattern: what colours say must not be said by colours alone. */
type Pattern = "direct" | "relayed" | "routed";
const DASHES: Record<Pattern, number[]> = { direct: [], relayed: [7, 4], routed: [2, 4] };

export const MAX_LABELS = 60;
/** Links of this node whose round trip is written beside them. */
const MAX_LINK_LABELS = 16;
/** Links in the picture above which they are thin. */
const MANY_LINKS = 400;
const FONT_SIZE = 12;
/** The round mark of a link that has proven itself, in CSS pixels. */
const MARK = 7;
/** How far links between others are bent, as a part of their length. */
const BEND = 0.3;

export function patternOf(path: Path): Pattern {
  if (path.startsWith("turn")) return "relayed";
  return path === "routed" ? "routed" : "direct";
}

export function rtt(value: number): string {
  return value < 10 ? value.toFixed(1) : String(Math.round(value));
}

interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Boxes that must not overlap, found by the cells of a grid. */
class Boxes {
  private readonly cells = new Map<number, Box[]>();

  /** Takes the place unless something is there already; tells whether it was free. */
  take(box: Box): boolean {
    const cells: number[] = [];
    for (let x = Math.floor(box.left / 64); x <= Math.floor(box.right / 64); x += 1) {
      for (let y = Math.floor(box.top / 64); y <= Math.floor(box.bottom / 64); y += 1) {
        cells.push(x * 4096 + y);
      }
    }
    const taken = cells.some((cell) =>
      this.cells
        .get(cell)
        ?.some(
          (other) =>
            box.left < other.right &&
            other.left < box.right &&
            box.top < other.bottom &&
            other.top < box.bottom,
        ),
    );
    if (taken) return false;
    for (const cell of cells) {
      const boxes = this.cells.get(cell);
      if (boxes) boxes.push(box);
      else this.cells.set(cell, [box]);
    }
    return true;
  }
}

export class Painter {
  private layout: Layout = { positions: new Map(), room: 1 };
  private shape = -1;
  private width = 0;
  private height = 0;
  private readonly widths = new Map<string, number>();
  /** Peers whose names the last picture shows. */
  labelled: string[] = [];

  constructor(private readonly store: MeshStore) {}

  /** Sets the size in CSS pixels. */
  resize(width: number, height: number): void {
    this.width = width;
    this.height = height;
  }

  private place(): void {
    const { node, peers, links } = this.store;
    if (this.shape === this.store.shape || !node) return;
    this.shape = this.store.shape;
    this.layout = layOut(node.n, [...peers.keys()].sort((a, b) => a - b), links.values());
  }

  private at(n: number): Point | undefined {
    const point = this.layout.positions.get(n);
    if (!point) return undefined;
    const side = Math.max(32, FONT_SIZE * 2.5);
    return {
      x: this.width / 2 + point.x * (this.width / 2 - side),
      y: this.height / 2 + point.y * (this.height / 2 - side),
    };
  }

  private get radius(): number {
    const half = Math.min(this.width, this.height) / 2 - 30;
    return Math.max(2, Math.min(11, this.layout.room * half * 0.4));
  }

  /** The peer at a point of the picture, or this node's number, or null. */
  hit(x: number, y: number): number | null {
    this.place();
    const reach = Math.max(10, this.radius + 4);
    let best: number | null = null;
    let nearest = reach * reach;
    for (const n of this.layout.positions.keys()) {
      const point = this.at(n) as Point;
      const distance = (point.x - x) ** 2 + (point.y - y) ** 2;
      if (distance < nearest) {
        nearest = distance;
        best = n;
      }
    }
    return best;
  }

  draw(
    context: CanvasRenderingContext2D,
    colours: Colours,
    names: { own: string; ms: (value: string) => string },
    chosen: number | null,
  ): void {
    this.place();
    context.clearRect(0, 0, this.width, this.height);
    const { node, peers } = this.store;
    if (!node) return;
    const points = new Map<number, Point>();
    for (const n of this.layout.positions.keys()) points.set(n, this.at(n) as Point);
    this.drawLinks(context, colours, points, chosen);
    this.drawNodes(context, colours, points, chosen);
    const boxes = new Boxes();
    const own = points.get(node.n) as Point;
    const radius = this.radius;
    boxes.take({ left: own.x - 14, top: own.y - 14, right: own.x + 14, bottom: own.y + 14 });
    context.font = `${FONT_SIZE}px ${fontOf(context)}`;
    context.textAlign = "center";
    context.textBaseline = "top";
    context.lineJoin = "round";
    this.labelled = [];
    this.label(context, colours, boxes, own, Math.max(10, radius), names.own, colours.text, true);
    for (const peer of byImportance(peers.values(), chosen)) {
      if (this.labelled.length > MAX_LABELS) break;
      const point = points.get(peer.n);
      if (!point) continue;
      const colour = peer.state === "down" ? colours.down : colours.text;
      this.label(context, colours, boxes, point, radius, peer.name, colour, peer.n === chosen);
    }
    this.drawRoundTrips(context, colours, points, boxes, names.ms);
  }

  private drawLinks(
    context: CanvasRenderingContext2D,
    colours: Colours,
    points: Map<number, Point>,
    chosen: number | null,
  ): void {
    const { links, peers, node } = this.store;
    const many = links.size > MANY_LINKS;
    // One path for all links that look alike: that is what keeps thousands of them quick.
    const groups = new Map<string, { pattern: Pattern; band: Band; own: boolean; half: boolean; lines: Point[] }>();
    for (const link of links.values()) {
      const from = points.get(link.a);
      const to = points.get(link.b);
      if (!from || !to) continue;
      if (peers.get(link.a)?.state === "down" || peers.get(link.b)?.state === "down") continue;
      const marked = link.own || link.a === chosen || link.b === chosen;
      const pattern = patternOf(link.path);
      const half = link.says === "first" || link.says === "second";
      const key = `${pattern} ${link.band} ${marked} ${half}`;
      let group = groups.get(key);
      if (!group) groups.set(key, (group = { pattern, band: link.band, own: marked, half, lines: [] }));
      // What one end alone reports begins there, and ends half way to the other.
      if (link.says === "second") group.lines.push(to, from);
      else group.lines.push(from, to);
    }
    for (const { pattern, band, own, half, lines } of [...groups.values()].sort(
      (a, b) => Number(a.own) - Number(b.own),
    )) {
      context.beginPath();
      for (let index = 0; index < lines.length; index += 2) {
        const from = lines[index] as Point;
        const to = lines[index + 1] as Point;
        context.moveTo(from.x, from.y);
        if (own || many) {
          if (half) context.lineTo((from.x + to.x) / 2, (from.y + to.y) / 2);
          else context.lineTo(to.x, to.y);
        } else {
          // Bent, so that a link between two opposite peers does not hide behind this node's own.
          const x = (from.x + to.x) / 2 + (to.y - from.y) * BEND;
          const y = (from.y + to.y) / 2 - (to.x - from.x) * BEND;
          if (half) {
            const middle = { x: (from.x + 2 * x + to.x) / 4, y: (from.y + 2 * y + to.y) / 4 };
            context.quadraticCurveTo((from.x + x) / 2, (from.y + y) / 2, middle.x, middle.y);
          } else {
            context.quadraticCurveTo(x, y, to.x, to.y);
          }
        }
      }
      context.strokeStyle = colours[band];
      context.globalAlpha = own ? 1 : many ? Math.max(0.1, (0.55 * MANY_LINKS) / links.size) : 0.55;
      context.lineWidth = own ? 2.5 : 1;
      // Patterns of hundreds of crossing lines cannot be told apart, and are slow.
      context.setLineDash(many && !own ? [] : DASHES[pattern]);
      context.stroke();
    }
    context.setLineDash([]);
    // A peer that cannot be reached is still a member: a faint line shows where it belongs.
    const own = node && points.get(node.n);
    if (!own || peers.size > 40) {
      context.globalAlpha = 1;
      return;
    }
    context.beginPath();
    for (const peer of peers.values()) {
      const point = points.get(peer.n);
      if (peer.state !== "down" || !point) continue;
      context.moveTo(own.x, own.y);
      context.lineTo(point.x, point.y);
    }
    context.strokeStyle = colours.down;
    context.globalAlpha = 0.35;
    context.lineWidth = 1;
    context.setLineDash([1, 6]);
    context.stroke();
    context.setLineDash([]);
    context.globalAlpha = 1;
  }

  private drawNodes(
    context: CanvasRenderingContext2D,
    colours: Colours,
    points: Map<number, Point>,
    chosen: number | null,
  ): void {
    const radius = this.radius;
    const groups = new Map<string, Point[]>();
    for (const peer of this.store.peers.values()) {
      const point = points.get(peer.n);
      if (!point) continue;
      const colour = peer.state === "down" ? colours.down : colours[peer.band];
      const group = groups.get(colour);
      if (group) group.push(point);
      else groups.set(colour, [point]);
    }
    for (const [colour, group] of groups) {
      context.beginPath();
      for (const { x, y } of group) {
        context.moveTo(x + radius, y);
        context.arc(x, y, radius, 0, 2 * Math.PI);
      }
      context.fillStyle = colour;
      context.fill();
      if (radius > 3) {
        context.lineWidth = 1.5;
        context.strokeStyle = colours.background;
        context.stroke();
      }
    }
    if (radius > 4) this.crossOut(context, colours, points, radius);
    const own = this.store.node && points.get(this.store.node.n);
    if (own) {
      // A ring around a dot: told apart from every peer without its colour.
      const size = Math.max(10, radius);
      ring(context, own, size + 3, colours.background, true);
      ring(context, own, size, colours.own, true);
      ring(context, own, size + 3, colours.own, false);
    }
    const marked = chosen === null ? undefined : points.get(chosen);
    if (marked) ring(context, marked, radius + 5, colours.text, false);
  }

  private crossOut(
    context: CanvasRenderingContext2D,
    colours: Colours,
    points: Map<number, Point>,
    radius: number,
  ): void {
    const arm = radius * 0.4;
    context.beginPath();
    for (const peer of this.store.peers.values()) {
      const point = points.get(peer.n);
      if (peer.state !== "down" || !point) continue;
      context.moveTo(point.x - arm, point.y - arm);
      context.lineTo(point.x + arm, point.y + arm);
      context.moveTo(point.x + arm, point.y - arm);
      context.lineTo(point.x - arm, point.y + arm);
    }
    context.strokeStyle = colours.background;
    context.lineWidth = 2;
    context.stroke();
  }

  private label(
    context: CanvasRenderingContext2D,
    colours: Colours,
    boxes: Boxes,
    point: Point,
    radius: number,
    text: string,
    colour: string,
    always: boolean,
  ): void {
    const short = text.length > 24 ? `${text.slice(0, 23)}…` : text;
    let width = this.widths.get(short);
    if (width === undefined) {
      if (this.widths.size > 4096) this.widths.clear();
      width = context.measureText(short).width;
      this.widths.set(short, width);
    }
    const top = point.y + radius + 5;
    const box = {
      left: point.x - width / 2 - 3,
      top,
      right: point.x + width / 2 + 3,
      bottom: top + FONT_SIZE + 3,
    };
    const shift = Math.max(0, 2 - box.left) - Math.max(0, box.right - this.width + 2);
    box.left += shift;
    box.right += shift;
    if (!boxes.take(box) && !always) return;
    this.labelled.push(text);
    context.lineWidth = 3;
    context.strokeStyle = colours.background;
    context.strokeText(short, point.x + shift, top);
    context.fillStyle = colour;
    context.fillText(short, point.x + shift, top);
  }

  private drawRoundTrips(
    context: CanvasRenderingContext2D,
    colours: Colours,
    points: Map<number, Point>,
    boxes: Boxes,
    ms: (value: string) => string,
  ): void {
    const own = [...this.store.links.values()].filter((link) => link.own);
    const now = Date.now();
    context.textBaseline = "middle";
    for (const link of own) {
      const from = points.get(link.a);
      const to = points.get(link.b);
      if (!from || !to) continue;
      const proven = isProven(link, now);
      const text = link.rtt_ms === null || own.length > MAX_LINK_LABELS ? "" : ms(rtt(link.rtt_ms));
      if (!text && !proven) continue;
      const x = (from.x + to.x) / 2;
      const y = (from.y + to.y) / 2;
      const room = proven ? 2 * MARK + 4 : 0;
      const width = text ? context.measureText(text).width + 8 + room : room;
      const box = { left: x - width / 2, top: y - 8, right: x + width / 2, bottom: y + 8 };
      const written = text !== "" && boxes.take(box);
      if (written) {
        context.lineWidth = 4;
        context.strokeStyle = colours.background;
        context.strokeText(text, x + room / 2, y);
        context.fillStyle = colours.secondary;
        context.fillText(text, x + room / 2, y);
      }
      // The mark has a place even where there is none for words.
      if (proven) checkMark(context, { x: written ? box.left + MARK + 4 : x, y }, colours);
    }
  }
}

/** A tick in a ring: a form of its own, for those who do not see the colours. */
function checkMark(context: CanvasRenderingContext2D, { x, y }: Point, colours: Colours): void {
  ring(context, { x, y }, MARK + 1, colours.background, true);
  context.lineWidth = 1;
  context.strokeStyle = colours.text;
  context.beginPath();
  context.arc(x, y, MARK, 0, 2 * Math.PI);
  context.stroke();
  context.lineWidth = 1.75;
  context.beginPath();
  context.moveTo(x - 3.2, y + 0.2);
  context.lineTo(x - 0.9, y + 2.6);
  context.lineTo(x + 3.4, y - 2.6);
  context.stroke();
}

function ring(
  context: CanvasRenderingContext2D,
  { x, y }: Point,
  radius: number,
  colour: string,
  full: boolean,
): void {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  if (full) {
    context.fillStyle = colour;
    context.fill();
  } else {
    context.strokeStyle = colour;
    context.lineWidth = 2;
    context.stroke();
  }
}

function fontOf(context: CanvasRenderingContext2D): string {
  return getComputedStyle(context.canvas).fontFamily || "sans-serif";
}

/** Whose names matter most: the chosen one, the unreachable, the linked, then the others. */
export function byImportance(peers: Iterable<PeerInfo>, chosen: number | null): PeerInfo[] {
  const rank = (peer: PeerInfo): number => {
    if (peer.n === chosen) return 0;
    if (peer.state === "down") return 1;
    return peer.state === "connected" ? 2 : 3;
  };
  return [...peers].sort((a, b) => rank(a) - rank(b) || a.n - b.n);
}

export const BAND_LIST = BANDS;
