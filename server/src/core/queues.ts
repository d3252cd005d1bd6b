// The queues: priority → lane of an owner → line of a class → jobs with openings. A job stands in one line per option under one
// live state: it enters all its lines with its first opening and leaves them with its last.
import { Bits } from './bits.ts';
import type { Fleet, Job, Lane, Line, Owner, QueueNode, TaskClass } from './model.ts';

export const openingsOf = (job: Job): number => job.fresh.size + job.retryCount;

export function ownerOf(fleet: Fleet, name: string): Owner {
  let owner = fleet.owners.get(name);
  if (owner === undefined) {
    owner = { name, weight: fleet.weightOf(name), receivedMs: leastReceived(fleet) };
    fleet.owners.set(name, owner);
  }
  return owner;
}

/** What the least served owner with queued work has received: where an owner that was away starts. */
function leastReceived(fleet: Fleet): number {
  let least = Number.POSITIVE_INFINITY;
  for (const lanes of fleet.lanes.values()) for (const lane of lanes) least = Math.min(least, lane.owner.receivedMs);
  return least === Number.POSITIVE_INFINITY ? 0 : least;
}

/** Puts the job into its lines if it has openings and is not there; tells its classes that `added` openings are new. */
export function enqueue(fleet: Fleet, job: Job, added: number): void {
  if (openingsOf(job) === 0 || job.waitingFor !== null || job.problem !== null) return;
  for (const { taskClass } of job.options) {
    taskClass.added += added;
    taskClass.dirtyTurn = fleet.turn;
    fleet.dirty.add(taskClass);
  }
  if (job.nodes !== null) return;
  const lane = laneOf(fleet, job);
  job.nodes = job.options.map((option) => {
    const line = lineOf(lane, option.taskClass);
    const node: QueueNode = { job, option, line, previous: line.tail, next: null };
    if (line.tail === null) line.head = node;
    else line.tail.next = node;
    line.tail = node;
    return node;
  });
}

/** Takes the job out of its lines when it has no openings left. */
export function dequeueIfEmpty(fleet: Fleet, job: Job): void {
  if (job.nodes !== null && openingsOf(job) === 0) dequeue(fleet, job);
}

export function dequeue(fleet: Fleet, job: Job): void {
  const { nodes } = job;
  if (nodes === null) return;
  job.nodes = null;
  for (const node of nodes) {
    const { line } = node;
    if (node.previous === null) line.head = node.next;
    else node.previous.next = node.next;
    if (node.next === null) line.tail = node.previous;
    else node.next.previous = node.previous;
    if (line.head === null) closeLine(fleet, line);
  }
}

function laneOf(fleet: Fleet, job: Job): Lane {
  const { priority } = job.record.spec;
  let lanes = fleet.lanes.get(priority);
  if (lanes === undefined) {
    lanes = [];
    fleet.lanes.set(priority, lanes);
    fleet.priorities = [...fleet.lanes.keys()].sort((a, b) => b - a);
  }
  const known = lanes.find((lane) => lane.owner === job.owner);
  if (known !== undefined) return known;
  job.owner.receivedMs = Math.max(job.owner.receivedMs, leastReceived(fleet));
  const lane: Lane = { owner: job.owner, priority, lines: new Map(), nonEmpty: new Bits(), rotor: 0, lineCount: 0 };
  lanes.push(lane);
  return lane;
}

function lineOf(lane: Lane, taskClass: TaskClass): Line {
  const { id } = taskClass;
  let line = lane.lines.get(id);
  if (line === undefined) {
    line = { lane, taskClass, head: null, tail: null };
    lane.lines.set(id, line);
    taskClass.lines++;
  }
  if (lane.nonEmpty.add(id)) lane.lineCount++;
  return line;
}

function closeLine(fleet: Fleet, line: Line): void {
  const { lane } = line;
  lane.nonEmpty.delete(line.taskClass.id);
  lane.lines.delete(line.taskClass.id);
  line.taskClass.lines--;
  lane.lineCount--;
  if (lane.lineCount > 0) return;
  const lanes = fleet.lanes.get(lane.priority);
  if (lanes === undefined) return;
  lanes.splice(lanes.indexOf(lane), 1);
  if (lanes.length > 0) return;
  fleet.lanes.delete(lane.priority);
  fleet.priorities = [...fleet.lanes.keys()].sort((a, b) => b - a);
}

/** Least served owner first. Lanes are nearly in order, so this is one pass. */
export function sortLanes(lanes: Lane[]): void {
  for (let at = 1; at < lanes.length; at++) {
    const lane = lanes[at] as Lane;
    let to = at;
    while (to > 0 && (lanes[to - 1] as Lane).owner.receivedMs > lane.owner.receivedMs) {
      lanes[to] = lanes[to - 1] as Lane;
      to--;
    }
    lanes[to] = lane;
  }
}
