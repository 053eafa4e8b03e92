// Ticks of the time axis in UTC: what stands at each, and what stands once for all of them. Pure.
import { scaleUtc, utcDay, utcFormat, utcMinute, utcSecond } from 'd3';
import type { Range } from './view-range.ts';

export interface Tick {
  t: number;
  text: string;
  /** A tick at the turn of a greater unit stands out. */
  strong: boolean;
}

// a label such as 13:11:09.264 is about 80 pixels wide
const PIXELS_A_TICK = 110;
const DAY_MS = 86_400_000;

const day = utcFormat('%-d %b');
const minute = utcFormat('%H:%M');
const second = utcFormat('%H:%M:%S');
const fraction = utcFormat('%H:%M:%S.%L');

export function timeTicks(view: Range, width: number): Tick[] {
  const count = Math.max(2, Math.floor(width / PIXELS_A_TICK));
  const dates = scaleUtc().domain([view.from, view.to]).ticks(count);
  const gap = dates[0] && dates[1] ? dates[1].getTime() - dates[0].getTime() : 0;
  return dates.map((date) => ({ t: date.getTime(), text: tickText(date, gap), strong: isTurn(date, gap) }));
}

function tickText(date: Date, gap: number): string {
  if (gap >= DAY_MS || utcDay(date).getTime() === date.getTime()) return day(date);
  if (gap >= 60_000) return minute(date);
  return gap >= 1000 ? second(date) : fraction(date);
}

function isTurn(date: Date, gap: number): boolean {
  const unit = gap >= 60_000 ? utcDay : gap >= 1000 ? utcMinute : utcSecond;
  return unit(date).getTime() === date.getTime();
}

/** The window in words, as `13:09:50 – 13:15:45`; the day of its end when it is another. */
export function rangeText({ from, to }: Range): string {
  const [a, b] = [new Date(from), new Date(to)];
  const clock = to - from < 10_000 ? fraction : second;
  const sameDay = utcDay(a).getTime() === utcDay(b).getTime();
  return `${clock(a)} – ${sameDay ? '' : `${day(b)} `}${clock(b)}`;
}

export const clockText = (t: number): string => fraction(new Date(t));
export const secondText = (t: number): string => second(new Date(t));
export const dateText = utcFormat('%-d %b %Y');

/** A length of time for people: `3 m 19 s`, `412 ms`. */
export function lengthText(ms: number): string {
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 60) return `${s < 10 ? s.toFixed(1) : Math.round(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} m ${Math.round(s % 60)} s`;
  if (s < 172_800) return `${Math.floor(s / 3600)} h ${Math.round((s % 3600) / 60)} m`;
  return `${Math.round(s / 86_400)} days`;
}
