// The snippets of the page "Queue tasks".
import { Agent, type DeadLetter, type QueueItem } from "agents";
import { expectTypeOf } from "vitest";

export class MyAgent extends Agent {
  async processEmail(data: { email: string; subject: string }) {
    console.log(`Processing email: ${data.subject}`);
  }
  override async onMessage() {
    const taskId = await this.queue("processEmail", {
      email: "user@example.com",
      subject: "Welcome!"
    });
    expectTypeOf(taskId).toEqualTypeOf<string>();
    console.log(`Queued task with ID: ${taskId}`);
  }

  async sendNotification(
    payload: { userId: string; message: string },
    queueItem: QueueItem<{ userId: string; message: string }>
  ) {
    console.log(`Processing task ${queueItem.id}`, payload.userId, queueItem.payload.message);
    expectTypeOf(queueItem.created_at).toEqualTypeOf<number>();
  }
  async onUserSignup(userData: { id: string }) {
    await this.queue("sendNotification", {
      userId: userData.id,
      message: "Welcome to our platform!"
    });
  }

  async reliableTask(payload: { retryCount: number }, queueItem: QueueItem) {
    try {
      console.log(payload);
    } catch (error) {
      console.error(`Task ${queueItem.id} failed:`, error);
      if (payload.retryCount < 3) {
        await this.queue("reliableTask", {
          ...payload,
          retryCount: (payload.retryCount || 0) + 1
        });
      }
    }
  }
}

export async function use(agent: MyAgent, data: unknown) {
  agent.dequeue("abc123def");
  agent.dequeueAll();
  agent.dequeueAllByCallback("processEmail");
  const task = agent.getQueue("abc123def");
  if (task) {
    console.log(`Task callback: ${task.callback}`);
    console.log(`Task payload:`, task.payload);
  }
  const userTasks = agent.getQueues("userId", "12345");
  expectTypeOf(userTasks).toEqualTypeOf<QueueItem[]>();
  expectTypeOf(agent.getQueue<{ a: 1 }>("x")).toEqualTypeOf<QueueItem<{ a: 1 }> | undefined>();

  await agent.queue("processEmail", data, { retry: { maxAttempts: 3, baseDelayMs: 500, maxDelayMs: 5000 } });
  await agent.queue("processEmail", data, { queue: "mail", concurrency: 2, ordered: false, delaySeconds: 5 });
  await agent.queue("processEmail", data, { availableAt: new Date() });
  // @ts-expect-error it has no such method
  await agent.queue("missing", data);
  // @ts-expect-error a number of items
  await agent.queue("processEmail", data, { concurrency: "2" });

  expectTypeOf(agent.listDead()).toEqualTypeOf<DeadLetter[]>();
  expectTypeOf(await agent.retryDead("a")).toEqualTypeOf<boolean>();
}
