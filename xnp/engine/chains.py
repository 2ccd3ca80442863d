"""Which nodes can follow each other while a few channels are in the cache, and when each chain of them can run."""

from xnp.engine.nodes import Node


def stages(nodes: list[Node]) -> list[list[list[Node]]]:
    """Sort nodes into stages, each a list of chains, each a list of nodes.

    All workers wait for each other between two stages. A node goes to the first stage in which what it reads is there.
    """
    stage: dict[Node, int] = {}
    for node in nodes:
        writers = [tensor.writer for tensor in node.inputs if tensor.writer is not None]
        stage[node] = max((stage[writer] + (not fits(writer, node)) for writer in writers), default=0)
    for node in reversed(nodes):  # what waits for its reader anyway runs with it: one chain instead of two
        (reader,) = {tensor.reader for tensor in node.outputs} if len(node.outputs) == 1 else (None,)
        starts = all(tensor.writer is None or stage[tensor.writer] < stage[node] for tensor in node.inputs)
        if reader is not None and starts and fits(node, reader):
            stage[node] = stage[reader]
    chains: dict[Node, list[Node]] = {}
    for node in nodes:
        chain = [node]
        for tensor in node.inputs:
            writer = tensor.writer
            if writer is not None and stage[writer] == stage[node] and chains[writer] is not chain:
                chain = chains[writer] + chain  # two chains that meet become one
                for other in chain:
                    chains[other] = chain
        chains[node] = chain
    place = {node: k for k, node in enumerate(nodes)}
    result: list[list[list[Node]]] = [[] for _ in range(max(stage.values(), default=-1) + 1)]
    for node in nodes:
        if chains[node][0] is node or not any(chains[node] is chain for chain in result[stage[node]]):
            chains[node].sort(key=place.__getitem__)
            result[stage[node]].append(chains[node])
    return result


def fits(writer: Node, reader: Node) -> bool:
    """Say whether the reader can go on with the very channels that the writer has just finished."""
    return writer.split == reader.split == "channels" and writer.extent == reader.extent == writer.y.shape[0]
