/** The live picture: a canvas that is drawn only when something has changed. */

import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { BANDS, type Band, type MeshStore } from "./feed.ts";
import { Painter, rtt, type Colours } from "./painter.ts";
import { countReports, proofOf, reportsOf } from "./proof.ts";
import { fill, textsOf, type Key, type Texts } from "./texts.ts";

/** Home Assistant's variables, and its own values where a theme has left one out. */
export const BAND_COLOURS: Readonly<Record<Band, readonly [string, string]>> = {
  excellent: ["--success-color", "#43a047"],
  good: ["--light-green-color", "#8bc34a"],
  fair: ["--amber-color", "#ffc107"],
  poor: ["--orange-color", "#ff9800"],
  critical: ["--deep-orange-color", "#ff6f22"],
  unknown: ["--disabled-text-color", "#9e9e9e"],
};

export class MeshPicture extends LitElement {
  static override properties = {
    store: { attribute: false },
    version: { attribute: false },
    tick: { attribute: false },
    language: {},
    theme: { attribute: false },
    chosen: { attribute: false },
  };
  declare store: MeshStore;
  declare version: number;
  /** Another one means that time has passed. */
  declare tick: number;
  declare language: string;
  /** Whatever it is: another one means other colours. */
  declare theme: unknown;
  declare chosen: number | null;

  private painter: Painter | null = null;
  private resizing: ResizeObserver | null = null;
  private frame = 0;
  private colours: Colours | null = null;
  private hovered: number | null = null;

  constructor() {
    super();
    this.version = 0;
    this.language = "en";
    this.chosen = null;
  }

  private get texts(): Texts {
    return textsOf(this.language);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.resizing = new ResizeObserver(() => this.redraw());
    this.resizing.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.resizing?.disconnect();
    cancelAnimationFrame(this.frame);
    this.frame = 0;
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has("store")) this.painter = new Painter(this.store);
    if (changed.has("theme")) this.colours = null;
    this.redraw();
  }

  /** Draws in the next frame, once, however often it is asked. */
  private redraw(): void {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  private readColours(): Colours {
    const style = getComputedStyle(this);
    const read = (name: string, otherwise: string): string =>
      style.getPropertyValue(name).trim() || otherwise;
    const bands = Object.fromEntries(
      BANDS.map((band) => [band, read(...BAND_COLOURS[band])]),
    ) as Record<Band, string>;
    return {
      ...bands,
      text: read("--primary-text-color", "#141414"),
      secondary: read("--secondary-text-color", "#5e5e5e"),
      background: read("--ha-card-background", read("--card-background-color", "#fff")),
      own: read("--primary-color", "#009ac7"),
      down: read("--error-color", "#db4437"),
      line: read("--divider-color", "#ddd"),
    };
  }

  private draw(): void {
    const canvas = this.renderRoot.querySelector("canvas");
    const context = canvas?.getContext("2d");
    if (!canvas || !context || !this.painter) return;
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!width || !height) return;
    const scale = Math.min(2, window.devicePixelRatio || 1);
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
    }
    context.setTransform(scale, 0, 0, scale, 0, 0);
    this.painter.resize(width, height);
    this.colours ??= this.readColours();
    const { node } = this.store;
    this.painter.draw(
      context,
      this.colours,
      {
        own: node ? `${node.name} (${this.texts.this_node})` : "",
        ms: (value) => fill(this.texts.ms, { value }),
      },
      this.hovered ?? this.chosen,
    );
  }

  private numberAt(event: PointerEvent | MouseEvent): number | null {
    return this.painter?.hit(event.offsetX, event.offsetY) ?? null;
  }

  private move(event: PointerEvent): void {
    if (event.pointerType === "touch") return;
    this.hover(this.numberAt(event));
  }

  private hover(peer: number | null): void {
    if (peer === this.hovered) return;
    this.hovered = peer;
    this.requestUpdate();
  }

  private choose(event: MouseEvent): void {
    const peer = this.numberAt(event);
    this.dispatchEvent(new CustomEvent("peer-chosen", { detail: peer, bubbles: true, composed: true }));
  }

  private about(n: number | null): string {
    const { texts } = this;
    const peer = n === null ? undefined : this.store.peers.get(n);
    if (!peer) return "";
    const words = [peer.name, texts[`state_${peer.state}`]];
    if (peer.state !== "down") {
      words.push(texts[`path_${peer.path}` as Key] ?? peer.path);
      if (peer.rtt_ms !== null) words.push(fill(texts.ms, { value: rtt(peer.rtt_ms) }));
      words.push(texts[`band_${peer.band}`]);
      const link = peer.state === "connected" ? this.store.ownLink(peer.n) : undefined;
      if (link) words.push(proofOf(link, texts, this.language));
      const others = reportsOf(countReports(this.store).get(peer.n), texts);
      if (others) words.push(others);
    }
    return words.join(" · ");
  }

  protected override render(): TemplateResult {
    const { texts, store } = this;
    const { connected, routed, down } = store.counts();
    const summary = fill(texts.summary, {
      mesh: store.node?.mesh ?? "",
      total: store.peers.size,
      connected,
      routed,
      down,
    });
    const about = this.about(this.hovered ?? this.chosen);
    return html`
      <canvas
        role="img"
        aria-label="${texts.picture}. ${summary}. ${texts.picture_alternative}"
        @pointermove=${this.move}
        @pointerleave=${() => this.hover(null)}
        @click=${this.choose}
      ></canvas>
      ${about ? html`<div class="about" aria-hidden="true">${about}</div>` : nothing}
    `;
  }

  static override styles = css`
    :host {
      display: block;
      position: relative;
      min-height: 200px;
    }
    canvas {
      position: absolute;
      inset: 0;
      width: 100%;
      height: 100%;
      touch-action: pan-y;
    }
    .about {
      position: absolute;
      inset-inline: 8px;
      bottom: 4px;
      width: fit-content;
      max-width: calc(100% - 32px);
      margin: 0 auto;
      padding: 2px 8px;
      border-radius: 8px;
      background: var(--secondary-background-color, #eee);
      color: var(--primary-text-color);
      font-size: 12px;
      pointer-events: none;
    }
  `;
}
