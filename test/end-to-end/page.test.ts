// The page as a responder uses it: a recorded intrusion imported, correlated, served by `vestige up`, looked at in a
// real Chromium (CHROME_PATH, or chromium on the PATH).
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../analytics/store/connect.ts';
import { fillStory, STORY } from '../../web/api/story.fixture.ts';
import type { ChainSummary, TimelineLinks } from '../../web/api/types.ts';
import { RECORDING } from '../support/recording.ts';
import { start, vestige } from '../support/vestige.ts';

const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];
const directory = mkdtempSync(join(tmpdir(), 'vestige-page-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function findChromium(): string | undefined {
  if (process.env['CHROME_PATH']) return process.env['CHROME_PATH'];
  const names = ['chromium', 'chromium-browser', 'google-chrome'];
  return names
    .map((name) => spawnSync('which', [name], { encoding: 'utf8' }).stdout.trim())
    .find((path) => path !== '');
}
const executablePath = findChromium();
if (!executablePath) console.warn('page.test.ts: no Chromium found (CHROME_PATH): the page is not tested here');

/** `vestige up` on a free port; resolves with its address. */
async function up(store: string, ...more: string[]) {
  const program = start(['--store', `embedded:${store}`, 'up', '--port', '0', ...more]);
  const url = await new Promise<string>((found, failed) => {
    const look = () => {
      const match = /Vestige is at (\S+)/.exec(program.err());
      if (match?.[1]) found(match[1]);
    };
    program.process.stdout?.on('data', look);
    program.ended.then((ended) => failed(new Error(`vestige up ended: ${ended.err}`)), failed);
  });
  const stop = async () => {
    program.process.kill('SIGTERM');
    return await program.ended;
  };
  return { url, stop };
}

describe('vestige up', () => {
  it('names the port that is taken, and refuses to leave this machine', async () => {
    const blocker = createServer();
    await new Promise<void>((listening) => blocker.listen(0, '127.0.0.1', listening));
    const address = blocker.address();
    const port = typeof address === 'object' && address ? String(address.port) : '';
    const store = `embedded:${join(directory, 'ports')}`;
    const taken = await vestige('--store', store, 'up', '--port', port);
    expect([taken.code, taken.err]).toEqual([1, expect.stringContaining(`port ${port} is in use`)]);
    const open = await vestige('--store', store, 'up', '--host', '0.0.0.0');
    expect([open.code, open.err]).toEqual([2, expect.stringContaining('loopback')]);
    await new Promise((closed) => blocker.close(closed));
  });
});

describe.skipIf(!executablePath && !process.env['CI'])('the page', () => {
  let browser: Browser;
  let page: Page;
  let url: string;
  const stops: (() => Promise<unknown>)[] = [];
  const problems: string[] = [];

  async function open(address: string, size = { width: 1440, height: 900 }): Promise<Page> {
    const opened = await browser.newPage({ viewport: size, colorScheme: 'dark' });
    opened.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
    });
    opened.on('pageerror', (error) => problems.push(String(error)));
    opened.on('request', (request) => {
      if (new URL(request.url()).host !== new URL(address).host) problems.push(`asks elsewhere: ${request.url()}`);
    });
    await opened.goto(address);
    return opened;
  }

  beforeAll(async () => {
    if (!executablePath) throw new Error('no Chromium: set CHROME_PATH');
    const store = join(directory, 'recording');
    for (const words of [['ingest', RECORDING], ['correlate']]) {
      const { code, err } = await vestige('--store', `embedded:${store}`, ...words);
      expect(code, err).toBe(0);
    }
    const served = await up(store);
    url = served.url;
    stops.push(served.stop);
    browser = await chromium.launch({ executablePath, args: CHROMIUM_FLAGS });
    stops.push(() => browser.close());
    page = await open(url);
  });
  afterAll(async () => {
    for (const stop of stops.reverse()) await stop();
  });

  it('leads to the gravest chain, told in steps', async () => {
    const chains = (await (await fetch(`${url}api/v1/chains`)).json()) as ChainSummary[];
    expect(chains.length).toBeGreaterThan(0);
    if (chains.length > 1) await page.locator('.chains button').first().click();
    await page.locator('.chain h1').waitFor();
    expect(await page.locator('.chain h1').innerText()).toBe(chains[0]?.title);
    expect(await page.locator('.steps > li').count()).toBe(chains[0]?.step_count);
    for (const sentence of await page.locator('.sentence').allInnerTexts()) expect(sentence.length).toBeGreaterThan(10);
    await expect.poll(() => page.locator('.link').count()).toBeGreaterThan(0);
  });

  it('draws all three layers, each in its colour', async () => {
    await expect.poll(() => coloursOf(page), { timeout: 10_000 }).toEqual(['k8s', 'runtime', 'auditd']);
    const lanes = await page.locator('.label.central').count();
    expect(lanes).toBeGreaterThan(2);
    await page.getByRole('button', { name: /Show all/ }).click();
    expect(await page.locator('.label').count()).toBeGreaterThan(lanes);
    await page.getByRole('button', { name: /Only the/ }).click();
  });

  it('zooms by wheel, button and keyboard, pans by drag, and comes back', async () => {
    const before = await spanOf(page);
    const stage = await page.locator('.stage').boundingBox();
    if (!stage) throw new Error('no plot');
    const [x, y] = [stage.x + stage.width / 2, stage.y + stage.height / 2];
    await page.mouse.move(x, y);
    await page.mouse.wheel(0, -400);
    await expect.poll(() => spanOf(page)).toBeLessThan(before * 0.6);
    const zoomed = await spanOf(page);
    await page.getByRole('button', { name: 'Zoom in' }).click();
    await page.locator('.lanes').press('+');
    await expect.poll(() => spanOf(page)).toBeLessThan(zoomed * 0.4);

    const from = await fromOf(page);
    await page.mouse.move(x, stage.y + stage.height - 5);
    await page.mouse.down();
    await page.mouse.move(x + 100, stage.y + stage.height - 5, { steps: 4 });
    await page.mouse.up();
    await expect.poll(() => fromOf(page)).toBeLessThan(from);

    await page.locator('.lanes').press('Home');
    await expect.poll(() => spanOf(page)).toBe(before);
  });

  it('zooms to a step and lists the events that it rests on', async () => {
    const before = await spanOf(page);
    await page.locator('.steps > li > button').last().click();
    await expect.poll(() => spanOf(page)).not.toBe(before);
    await expect.poll(() => page.locator('.flag.chosen').count()).toBe(1);
    expect(await page.locator('.step-events tbody tr').count()).toBeGreaterThan(0);
    expect(new URL(page.url()).hash).toContain('step=');
    await page.locator('.steps > li > button').last().click();
  });

  it('opens the raw record of a mark, whose bytes hash to its digest', async () => {
    await page.locator('.lanes').focus();
    await page.keyboard.press('n');
    const ring = await page.locator('.rings .focus').boundingBox();
    if (!ring) throw new Error('the keyboard is at no mark');
    await page.mouse.click(ring.x + ring.width / 2, ring.y + ring.height / 2);
    const raw = page.locator('pre[data-raw]');
    await raw.waitFor();
    const digest = await page.locator('.record .digest').innerText();
    expect(
      createHash('sha256')
        .update((await raw.textContent()) ?? '')
        .digest('hex'),
    ).toBe(digest);
    await page.locator('.check.good').waitFor();
    expect(await page.locator('.record dt').allInnerTexts()).toEqual(
      expect.arrayContaining(['cluster', 'collector', 'stream']),
    );
  });

  it('shows the same again at the same address', async () => {
    const digest = await page.locator('.record .digest').innerText();
    const again = await open(page.url());
    await again.locator('.record .digest').waitFor();
    expect(await again.locator('.record .digest').innerText()).toBe(digest);
    expect(await again.locator('.chain h1').innerText()).toBe(await page.locator('.chain h1').innerText());
    await again.keyboard.press('Escape');
    await again.locator('.record').waitFor({ state: 'detached' });
    await again.goBack();
    await again.locator('.record').waitFor();
    await again.close();
  });

  it('fits a telephone, and is told without the picture', async () => {
    const small = await open(page.url().replace(/&?record=[0-9a-f]+/, ''), { width: 390, height: 844 });
    await small.locator('.chain h1').waitFor();
    expect(await small.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    const tree = await small.locator('body').ariaSnapshot();
    expect(tree).toContain('list "Steps"');
    await small.close();
  });

  it('places nearly all links of the chain', async () => {
    const chain = new URLSearchParams(new URL(page.url()).hash.slice(1)).get('chain') ?? '';
    const { links } = (await (await fetch(`${url}api/v1/timeline/links?chain=${chain}`)).json()) as TimelineLinks;
    const placed = links.filter((link) => link.start && link.end);
    expect(placed.length / links.length).toBeGreaterThan(0.9);
  });

  it('says what to do when nothing is imported', async () => {
    const served = await up(join(directory, 'empty'));
    stops.push(served.stop);
    const empty = await open(served.url);
    await expect.poll(() => empty.locator('main').innerText()).toContain('vestige ingest');
    await empty.close();
  });

  it('shows hostile bytes as text', async () => {
    const hostile = join(directory, 'hostile');
    const store = await connect(`embedded:${hostile}`, 'page test');
    await fillStory(store);
    await store.close();
    const served = await up(hostile);
    stops.push(served.stop);
    const opened = await open(`${served.url}#record=${STORY.shell.digest}`);
    const raw = opened.locator('pre[data-raw]');
    await raw.waitFor();
    expect(await raw.textContent()).toBe(STORY.shell.raw);
    expect(STORY.shell.raw).toContain('<img src=x onerror=');
    expect(await opened.locator('img').count()).toBe(0);
    await opened.goto(`${served.url}#record=${STORY.binary.digest}`);
    await opened.getByText('not UTF-8').waitFor();
    await opened.locator('.check.good').waitFor();
    await opened.close();
  });

  it('did all this without an error and without asking anybody else', () => {
    expect(problems).toEqual([]);
  });

  it('ends cleanly while a browser is connected', async () => {
    const served = await up(join(directory, 'ends'));
    const watching = await open(served.url);
    const { code, signal } = await served.stop();
    expect([code, signal]).toEqual([0, null]);
    await watching.close();
  });
});

async function spanOf(page: Page): Promise<number> {
  const [from, to] = await page.locator('.corner span').last().evaluate(clockRange);
  return (to ?? 0) - (from ?? 0);
}

async function fromOf(page: Page): Promise<number> {
  return (await page.locator('.corner span').last().evaluate(clockRange))[0] ?? 0;
}

/** `13:09:50 – 13:15:45 UTC` in seconds of the day; runs in the browser. */
function clockRange(element: Element): number[] {
  const clocks = element.textContent?.match(/\d+:\d+:[\d.]+/g) ?? [];
  return clocks.map((clock) => clock.split(':').reduce((sum, part) => sum * 60 + Number(part), 0));
}

/** The layers whose hue is found on the canvas (marks of less weight are drawn paler). Runs in the browser. */
function coloursOf(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const hueOf = (r: number, g: number, b: number) => {
      const [most, least] = [Math.max(r, g, b), Math.min(r, g, b)];
      if (most - least < 40) return Number.NaN;
      const turn =
        most === r
          ? (g - b) / (most - least)
          : most === g
            ? 2 + (b - r) / (most - least)
            : 4 + (r - g) / (most - least);
      return (turn * 60 + 360) % 360;
    };
    const canvas = document.querySelector('canvas');
    if (!canvas || canvas.width === 0) return [];
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
    copy?.drawImage(canvas, 0, 0);
    const pixels = copy?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    const hues = new Set<number>();
    for (let i = 0; i < pixels.length; i += 4)
      hues.add(Math.round(hueOf(pixels[i] ?? 0, pixels[i + 1] ?? 0, pixels[i + 2] ?? 0)));
    const style = getComputedStyle(document.documentElement);
    return ['k8s', 'runtime', 'auditd'].filter((layer) => {
      const colour = Number.parseInt(style.getPropertyValue(`--${layer}`).trim().slice(1), 16);
      const hue = hueOf(colour >> 16, (colour >> 8) & 255, colour & 255);
      return [...hues].some((seen) => Math.abs(seen - hue) <= 4);
    });
  });
}
