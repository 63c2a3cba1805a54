export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Arrow {
  /** Of an SVG path. */
  readonly path: string;
  readonly label: { readonly x: number; readonly y: number };
}

const leastBow = 24;
const bowPerDistance = 0.35;
const mostBow = 90;

/**
 * From edge to edge: straight across where the boxes stand beside each other, otherwise in a bow
 * around their right or, for `isLeft`, their left.
 */
export function arrowBetween(
  source: Rectangle,
  target: Rectangle,
  { isLeft = false }: { readonly isLeft?: boolean } = {},
): Arrow {
  const [a, b] = [centreOf(source), centreOf(target)];
  const isBeside = Math.abs(a.x - b.x) > (source.width + target.width) / 2;
  const side = isBeside ? Math.sign(b.x - a.x) : isLeft ? -1 : 1;
  const arrival = isBeside ? -side : side;
  const start = { x: a.x + (side * source.width) / 2, y: a.y };
  const end = { x: b.x + (arrival * target.width) / 2, y: b.y };
  const around = Math.min(leastBow + bowPerDistance * Math.abs(a.y - b.y), mostBow);
  const reach = isBeside ? Math.abs(end.x - start.x) / 2 : around;
  const first = { x: start.x + side * reach, y: start.y };
  const second = { x: end.x + arrival * reach, y: end.y };
  return {
    path: `M${text(start)} C${text(first)} ${text(second)} ${text(end)}`,
    label: {
      x: (start.x + 3 * first.x + 3 * second.x + end.x) / 8,
      y: (start.y + 3 * first.y + 3 * second.y + end.y) / 8 + 4,
    },
  };
}

function centreOf({ x, y, width, height }: Rectangle): { x: number; y: number } {
  return { x: x + width / 2, y: y + height / 2 };
}

function text({ x, y }: { readonly x: number; readonly y: number }): string {
  return `${Math.round(x)},${Math.round(y)}`;
}
