// The plain donate page that the worker bundle brings along: it works without the dashboard and uses only the page API.
// The invite comes from location.hash; limits may be set there too: #CODE&cores=2&gpu=100&memory=1024&data=5000&battery=1
import { UdcsError } from '@udcs/protocol';
import styles from './donate.css';
import { createDonation } from './donation.ts';
import { optionsFromHash } from './hash-options.ts';
import type { CurrentTask, DonationLimits, DonationState } from './state.ts';

// A constructed sheet needs no style-src in whatever policy the page is served with.
const sheet = new CSSStyleSheet();
sheet.replaceSync(styles);
document.adoptedStyleSheets = [sheet];
document.body.hidden = false;

const { code, limits: presetLimits } = optionsFromHash(location.hash);
const donation = createDonation({ code, manifestUrl: new URL('manifest.json', location.href).href });

let chosen: DonationLimits = { ...donation.state.limits, ...presetLimits };

function element<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
}

const main = element('main', HTMLButtonElement);
const leave = element('leave', HTMLButtonElement);
const cores = element('cores', HTMLInputElement);
const gpuShare = element('gpu-share', HTMLInputElement);
const megabytes = element('megabytes', HTMLInputElement);
const onBattery = element('on-battery', HTMLInputElement);

/** What the big button does in each phase. */
const ACTIONS = {
  idle: { label: 'Start', run: () => donation.start(chosen) },
  refused: { label: 'Try again', run: () => restart() },
  left: { label: 'Start', run: () => donation.start(chosen) },
  joining: { label: 'Pause', run: () => donation.pause() },
  working: { label: 'Pause', run: () => donation.pause() },
  offline: { label: 'Pause', run: () => donation.pause() },
  paused: { label: 'Resume', run: () => donation.resume() },
} as const satisfies Record<DonationState['phase'], { label: string; run: () => Promise<void> }>;

/** Pause can be taken back before the tab is connected. */
const actionFor = (state: DonationState) => ACTIONS[state.pausedBy === 'you' ? 'paused' : state.phase];

async function restart(): Promise<void> {
  await donation.leave();
  await donation.start(chosen);
}

function showProblem(thrown: unknown): void {
  const problem = element('problem', HTMLParagraphElement);
  const hint = thrown instanceof UdcsError && thrown.hint !== undefined ? ` ${thrown.hint}.` : '';
  problem.textContent = thrown instanceof Error ? `${thrown.message}${hint}` : '';
  problem.hidden = problem.textContent === '';
}

function act(run: () => Promise<void>): void {
  showProblem(null);
  run().catch(showProblem);
}

const megabytesText = (bytes: number): string => `${(bytes / 1_000_000).toFixed(bytes < 10_000_000 ? 1 : 0)} MB`;

function gpuText({ gpu }: DonationState): string {
  if (gpu.kind === 'off') return 'off';
  if (gpu.kind === 'none') return 'none';
  return gpu.kind === 'software' ? 'software only' : (gpu.name ?? 'on');
}

/** One line per kind of task; those that tell their progress get a bar each. */
function taskItems(tasks: readonly CurrentTask[]): HTMLLIElement[] {
  const bySentence = new Map<string, CurrentTask[]>();
  for (const task of tasks) bySentence.set(task.sentence, [...(bySentence.get(task.sentence) ?? []), task]);
  return [...bySentence].map(([sentence, alike]) => {
    const item = document.createElement('li');
    const words = document.createElement('span');
    words.textContent = alike.length === 1 ? sentence : `${alike.length} × ${sentence}`;
    item.append(words);
    for (const { progress } of alike) {
      if (progress === null) continue;
      const bar = document.createElement('progress');
      bar.max = 1;
      bar.value = progress;
      item.append(bar);
    }
    return item;
  });
}

function draw(state: DonationState): void {
  document.body.dataset['phase'] = state.phase;
  element('sentence', HTMLSpanElement).textContent = state.sentence;
  main.textContent = actionFor(state).label;
  main.disabled = false;
  // Resume only what the donor paused; battery, hours and data limits end by themselves or in the limits below.
  if (state.phase === 'paused' && state.pausedBy !== 'you') main.disabled = true;
  leave.hidden = state.phase === 'idle' || state.phase === 'left';
  const tasks = element('tasks', HTMLUListElement);
  const kinds = new Set(state.tasks.map((task) => task.sentence)).size;
  tasks.hidden = kinds < 2 && !state.tasks.some((task) => task.progress !== null);
  tasks.replaceChildren(...taskItems(state.tasks));
  element('figures', HTMLDListElement).hidden = state.startedAtMs === null;
  element('done', HTMLElement).textContent = String(state.tasksDone);
  element('cpu', HTMLElement).textContent = `${state.tasks.length} of ${state.limits.cores} cores`;
  element('gpu', HTMLElement).textContent = gpuText(state);
  element('data', HTMLElement).textContent = megabytesText(state.bytesToday);
}

function drawLimits(): void {
  const most = Math.max(navigator.hardwareConcurrency, chosen.cores);
  element('cores-value', HTMLOutputElement).value = `${chosen.cores} of ${most} ${most === 1 ? 'core' : 'cores'}`;
  element('gpu-share-value', HTMLOutputElement).value = chosen.gpuShare === 0 ? 'off' : `${Math.round(chosen.gpuShare * 100)} %`;
  element('megabytes-value', HTMLOutputElement).value =
    chosen.megabytesPerDay >= 1_000 ? `${chosen.megabytesPerDay / 1_000} GB` : `${chosen.megabytesPerDay} MB`;
}

/** Ties one control to one limit. A limit from the link that the control can not show stays until the control is moved. */
function bind(input: HTMLInputElement, read: () => Partial<DonationLimits>): void {
  input.addEventListener('input', () => {
    chosen = { ...chosen, ...read() };
    drawLimits();
  });
}

cores.max = String(Math.max(navigator.hardwareConcurrency, chosen.cores));
cores.value = String(chosen.cores);
gpuShare.value = String(chosen.gpuShare * 100);
megabytes.value = String(chosen.megabytesPerDay);
onBattery.checked = chosen.onBattery;
bind(cores, () => ({ cores: Number(cores.value) }));
bind(gpuShare, () => ({ gpuShare: Number(gpuShare.value) / 100 }));
bind(megabytes, () => ({ megabytesPerDay: Number(megabytes.value) }));
bind(onBattery, () => ({ onBattery: onBattery.checked }));
element('where', HTMLSpanElement).textContent = location.host;
element('who', HTMLParagraphElement).textContent =
  `While this tab is open it computes small pieces of work for the people who use the grid at ${location.host}.`;
drawLimits();

main.addEventListener('click', () => act(actionFor(donation.state).run));
leave.addEventListener('click', () => act(() => donation.leave()));
element('forget', HTMLButtonElement).addEventListener('click', () => act(() => donation.forget()));
element('limits', HTMLFormElement).addEventListener('change', () => act(() => donation.setLimits(chosen)));
donation.subscribe(draw);

// Read-only, for whoever automates this page: the same state the page draws.
Object.defineProperty(globalThis, 'udcsDonation', { value: Object.freeze({ state: () => donation.state }) });
