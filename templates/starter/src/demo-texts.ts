/** What the demo model recites when it is asked for something long. Long enough to reload the page in the middle of it. */
export const longStory = `# The lighthouse that answered letters

On the northern edge of a small archipelago stood a lighthouse that nobody had assigned to anyone. It had a door, a stair of one hundred and twelve steps, a lamp, and a mailbox. The mailbox was the strange part. Letters arrived in it every evening, and every morning the answers were gone.

## The keeper

Mira came to repair the lamp and meant to stay a week. On the first night she heard the flap of the mailbox, took a lantern down the stair, and found a single envelope. It was addressed to *whoever is awake*. Inside was one question, written in a careful hand: **what do you do with work that you cannot finish before you have to sleep?**

She thought about it for a long time. Then she wrote back that she kept a notebook. Whenever she stopped, she wrote down the one thing she would need in order to start again: not everything she knew, only the next step and where her tools were. In the morning she could begin as if she had never left.

## What the notebook held

After a month the notebook had a shape of its own, and other keepers began to copy it:

1. The last thing that was certainly done.
2. The thing that was being done when the light went out.
3. The people who were waiting for an answer, in the order in which they had asked.
4. A line across the page, so that nobody would mistake yesterday for today.

The keepers found that it did not matter who woke up. Anybody who read the page could carry on, and no letter was answered twice.

## The winter of many storms

Then came the winter in which the ferry stopped. Boats broke away from their moorings in the middle of a sentence, and the radio fell silent for hours. The keepers agreed on a few rules, and they nailed them to the door:

| When this happens | Do this | And never this |
| --- | --- | --- |
| The line goes quiet | Keep writing in the notebook | Wait in silence for it to return |
| The line comes back | Read from the last line that was heard | Start the whole story again |
| Two boats ask the same thing | Answer once and send both the page | Let them argue about which is right |
| A request could do harm | Ask the harbour master first | Guess what they would have said |

- A quiet line is not an empty line.
- A promise that is only remembered is not yet a promise.
- The person at the other end cannot see you thinking, so tell them that you are.

## The small machine

In spring a visitor built a small machine that did part of the work. It was not clever. It read the notebook, did the next thing, and wrote down that it had done it, in that order and never in another. Its instructions fitted on one card:

\`\`\`ts
async function keepTheLight(notebook: Notebook) {
  for await (const letter of notebook.unanswered()) {
    const answer = await think(letter);
    await notebook.write(letter, answer);
    await send(letter.from, answer);
  }
}
\`\`\`

Mira read the card twice and moved one line. *Write first, then send*, she had told the visitor, because the sea takes whatever has not been written. If the machine stopped between the two lines, the next one to wake would find the answer in the notebook and would only have to post it.

## How it ended

It did not end, which is the point of lighthouses. Mira's week became eleven years. When she finally left, she carried nothing but her coat, because everything that mattered was on the page. The new keeper arrived on the same boat, climbed one hundred and twelve steps, opened the notebook at the line that was drawn across it, and lit the lamp.

That evening the mailbox flapped. The letter was addressed to *whoever is awake*, and it asked whether anybody was still there.

> Yes, the new keeper wrote. We have been here the whole time. Please go on from where you stopped.

*The end.*
`;

/** "count to 5" → "1, 2, 3, 4, 5." with a break every ten numbers. */
export function countTo(limit: number): string {
  const lines: string[] = [];
  for (let first = 1; first <= limit; first += 10) {
    const last = Math.min(first + 9, limit);
    lines.push(Array.from({ length: last - first + 1 }, (_, i) => first + i).join(", "));
  }
  return `${lines.join(",\n")}.\n\nThat was every number up to ${limit}.`;
}
