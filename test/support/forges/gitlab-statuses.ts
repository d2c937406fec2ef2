import type { ApiAnswer, ApiRequest } from './api-front.ts';
import { choiceOf, paginated, readParameters, refuse, requiredText, textOf } from './gitlab-answers.ts';
import { BOT_LOGIN, user } from './gitlab-users.ts';
import type { SimulatedRepository } from './simulated-repository.ts';

const POSTABLE = ['pending', 'running', 'success', 'failed', 'canceled', 'skipped'] as const;

interface Pipeline {
  readonly id: number;
  readonly commit: string;
  readonly ref: string;
}

interface Job {
  readonly id: number;
  readonly pipeline: Pipeline;
  readonly name: string;
  readonly author: string;
  state: (typeof POSTABLE)[number];
  description: string | null;
  readonly createdAt: Date;
}

/**
 * Statuses of commits (docs.gitlab.com, "Commits API") as GitLab keeps them: jobs of a pipeline of the commit and a ref.
 * A status that waits is moved on, not to where it is already; one that has ended is followed by a new one.
 */
export class GitlabStatuses {
  readonly #repository: SimulatedRepository;
  readonly #pipelines: Pipeline[] = [];
  readonly #jobs: Job[] = [];
  /** Lists are read from a replica of the database, which may lag behind what was posted: the next one is empty. */
  isNextListStale = false;

  constructor(repository: SimulatedRepository) {
    this.#repository = repository;
  }

  /** A pipeline of the project's own CI, as a push or a merge request starts it. */
  startPipeline(commit: string, ref: string): void {
    this.#pipelines.push({ id: this.#repository.nextId(), commit, ref });
  }

  /** Newest first, one for each pipeline and name. */
  latest(commit: string): readonly Job[] {
    const jobs = this.#jobs.filter(({ pipeline }) => pipeline.commit === commit).toReversed();
    return jobs.filter(
      (job, index) =>
        jobs.findIndex(({ name, pipeline }) => name === job.name && pipeline === job.pipeline) === index,
    );
  }

  async list(commit: string, request: ApiRequest, url: string): Promise<ApiAnswer> {
    const documented = ['ref', 'stage', 'name', 'pipeline_id', 'order_by', 'sort', 'all', 'page', 'per_page'];
    const parameters = readParameters(request, documented);
    if (!(await this.#repository.git.hasCommit(commit))) refuse(404, '404 Commit Not Found');
    const name = textOf(parameters, 'name');
    // In ascending order of ids, which the documentation gives as the default.
    const isStale = this.isNextListStale;
    this.isNextListStale = false;
    const found = (isStale ? [] : this.latest(commit))
      .filter((job) => name === undefined || job.name === name)
      .toReversed();
    return paginated(
      url,
      request.query,
      found.map((job) => show(job)),
    );
  }

  async post(commit: string, request: ApiRequest): Promise<ApiAnswer> {
    const documented = [
      'state',
      'ref',
      'name',
      'context',
      'target_url',
      'description',
      'coverage',
      'pipeline_id',
    ];
    const parameters = readParameters(request, documented);
    requiredText(parameters, 'state');
    const state = choiceOf(parameters, 'state', POSTABLE) ?? 'pending';
    const name = textOf(parameters, 'name') ?? textOf(parameters, 'context') ?? 'default';
    const description = textOf(parameters, 'description') ?? null;
    if (!(await this.#repository.git.hasCommit(commit))) refuse(404, '404 Commit Not Found');
    const pipeline = await this.#pipelineOf(commit, textOf(parameters, 'ref'));
    const waiting = this.#jobs.find(
      (job) =>
        job.pipeline === pipeline &&
        job.name === name &&
        job.author === BOT_LOGIN &&
        (job.state === 'pending' || job.state === 'running'),
    );
    if (waiting === undefined) {
      const id = this.#repository.nextId();
      const createdAt = this.#repository.now();
      const job: Job = { id, pipeline, name, author: BOT_LOGIN, state, description, createdAt };
      this.#jobs.push(job);
      return { status: 201, body: show(job) };
    }
    const event = { pending: 'enqueue', running: 'run' }[state as string];
    if (event !== undefined && (state === waiting.state || state === 'pending')) {
      refuse(
        400,
        `Cannot transition status via :${event} from :${waiting.state} (Reason(s): Status cannot transition via "${event}")`,
      );
    }
    waiting.state = state;
    waiting.description = description ?? waiting.description;
    return { status: 201, body: show(waiting) };
  }

  async #pipelineOf(commit: string, ref: string | undefined): Promise<Pipeline> {
    const found = this.#pipelines
      .toReversed()
      .find((one) => one.commit === commit && (ref === undefined || one.ref === ref));
    if (found !== undefined) return found;
    const made =
      ref ?? (await this.#branchWith(commit)) ?? refuse(404, '404 References for commit Not Found');
    const pipeline = { id: this.#repository.nextId(), commit, ref: made };
    this.#pipelines.push(pipeline);
    return pipeline;
  }

  async #branchWith(commit: string): Promise<string | undefined> {
    const { git } = this.#repository;
    for (const [branch, tip] of await git.branches()) {
      if (tip === commit || (await git.isAncestor(commit, tip))) return branch;
    }
    return undefined;
  }
}

/** `APIEntitiesCommitStatus`. */
function show(job: Job) {
  return {
    id: job.id,
    sha: job.pipeline.commit,
    ref: job.pipeline.ref,
    status: job.state,
    name: job.name,
    target_url: null,
    description: job.description,
    created_at: job.createdAt.toISOString(),
    started_at: null,
    finished_at: null,
    allow_failure: false,
    coverage: null,
    pipeline_id: job.pipeline.id,
    author: user(job.author),
  };
}
