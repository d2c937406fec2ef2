import { randomBytes } from 'node:crypto';
import { mine } from './accounts.ts';
import type { Account, CaContext, Identifier, Reply, SignedRequest } from './context.ts';
import { record } from './jws.ts';
import { problemDocument, refuse, type SimulatedProblem } from './problem.ts';
import { validate } from './validation.ts';

const DEFAULT_LIFETIME_MS = 7 * 86_400_000;

export interface Challenge {
  readonly id: string;
  readonly type: 'http-01' | 'dns-01';
  readonly token: string;
  status: 'pending' | 'processing' | 'valid' | 'invalid';
  validated?: Date;
  error?: SimulatedProblem;
}

/** RFC 8555, section 7.1.4. */
export interface Authorization {
  readonly id: string;
  readonly account: Account;
  /** As ordered, a wildcard with its `*.`. */
  readonly identifier: Identifier;
  readonly expires: Date;
  readonly challenges: readonly Challenge[];
  status: 'pending' | 'valid' | 'invalid' | 'deactivated';
}

/** The authorizations of the CA and their challenges (RFC 8555, section 7.5). */
export class Authorizations {
  readonly #context: CaContext;
  readonly #byId = new Map<string, Authorization>();
  readonly #ofChallenge = new Map<string, Authorization>();

  constructor(context: CaContext) {
    this.#context = context;
  }

  /** One for a new order; a valid one may serve again. */
  provide(account: Account, identifier: Identifier): Authorization {
    const { options } = this.#context;
    const known = [...this.#byId.values()].find(
      (candidate) =>
        candidate.account === account &&
        candidate.identifier.value === identifier.value &&
        candidate.status === 'valid' &&
        candidate.expires > new Date(),
    );
    if (known !== undefined && options.reusesAuthorizations === true) return known;
    const isWildcard = identifier.value.startsWith('*.');
    // RFC 8555, 7.1.3: wildcards by DNS alone; RFC 8738, section 7: no DNS for addresses.
    const types: readonly Challenge['type'][] = isWildcard
      ? ['dns-01']
      : identifier.type === 'ip'
        ? ['http-01']
        : ['http-01', 'dns-01'];
    const authorization: Authorization = {
      id: this.#context.nextId(),
      account,
      identifier,
      expires: new Date(Date.now() + (options.orderLifetimeMs ?? DEFAULT_LIFETIME_MS)),
      status: 'pending',
      challenges: types.map((type) => ({
        id: this.#context.nextId(),
        type,
        token: randomBytes(32).toString('base64url'),
        status: 'pending',
      })),
    };
    this.#byId.set(authorization.id, authorization);
    for (const { id } of authorization.challenges) this.#ofChallenge.set(id, authorization);
    return authorization;
  }

  byId(id: string): Authorization | undefined {
    return this.#byId.get(id);
  }

  byChallenge(id: string): Authorization | undefined {
    return this.#ofChallenge.get(id);
  }

  url({ id }: Pick<Authorization, 'id'>): string {
    return `${this.#context.origin}/authorization/${id}`;
  }

  authorization(request: SignedRequest): Reply {
    const authorization = this.#own(this.#byId.get(request.id), request);
    if (request.payload !== undefined) {
      // RFC 8555, section 7.5.2.
      const { status } = record(request.payload, 'an authorization update is a JSON object');
      if (status !== 'deactivated') refuse('malformed', 'only deactivated may be asked for');
      authorization.status = 'deactivated';
    }
    return { status: 200, body: this.#document(authorization) };
  }

  challenge(request: SignedRequest): Reply {
    const authorization = this.#own(this.#ofChallenge.get(request.id), request);
    const challenge = authorization.challenges.find(({ id }) => id === request.id);
    if (challenge === undefined) return refuse('malformed', 'no such challenge', 404);
    if (request.payload !== undefined) {
      const payload = record(request.payload, 'a challenge response is a JSON object');
      if (Object.keys(payload).length > 0) refuse('malformed', 'the response to this challenge is {}');
      if (authorization.status !== 'pending' || challenge.status !== 'pending') {
        refuse(
          'malformed',
          `the authorization is ${authorization.status}, the challenge ${challenge.status}`,
        );
      }
      challenge.status = 'processing';
      void this.#validate(authorization, challenge);
    }
    return {
      status: 200,
      headers: { Link: `<${this.url(authorization)}>;rel="up"` },
      body: this.#challengeDocument(challenge),
    };
  }

  async #validate(authorization: Authorization, challenge: Challenge): Promise<void> {
    const { behaviours, journal, validation } = this.#context;
    const { identifier, account } = authorization;
    const behaviour = behaviours.take('validation', [identifier.value]);
    const problem =
      behaviour !== undefined && 'problem' in behaviour
        ? behaviour.problem
        : await validate(
            {
              type: challenge.type,
              name: identifier.value.replace(/^\*\./, ''),
              token: challenge.token,
              keyAuthorization: `${challenge.token}.${account.thumbprint}`,
            },
            validation,
          );
    journal.validations.push({
      at: new Date(),
      identifier: identifier.value,
      type: challenge.type,
      problemType: problem?.type,
    });
    if (problem === undefined) {
      challenge.status = 'valid';
      challenge.validated = new Date();
      authorization.status = 'valid';
    } else {
      challenge.status = 'invalid';
      challenge.error = problem;
      authorization.status = 'invalid';
    }
  }

  #own(authorization: Authorization | undefined, request: SignedRequest): Authorization {
    if (authorization === undefined) return refuse('malformed', 'no such authorization', 404);
    if (authorization.account !== mine(request)) refuse('unauthorized', "this is another account's");
    return authorization;
  }

  #document(authorization: Authorization): object {
    const { identifier, status, expires, challenges } = authorization;
    const isWildcard = identifier.value.startsWith('*.');
    return {
      identifier: { ...identifier, value: identifier.value.replace(/^\*\./, '') },
      status: status === 'pending' && expires <= new Date() ? 'expired' : status,
      expires: expires.toISOString(),
      challenges: challenges.map((challenge) => this.#challengeDocument(challenge)),
      ...(isWildcard ? { wildcard: true } : {}),
    };
  }

  #challengeDocument({ id, type, token, status, validated, error }: Challenge): object {
    return {
      type,
      token,
      status,
      url: `${this.#context.origin}/challenge/${id}`,
      ...(validated === undefined ? {} : { validated: validated.toISOString() }),
      ...(error === undefined ? {} : { error: problemDocument(error) }),
    };
  }
}
