package main

// One object per document; the rows walk every branch of the rules.
const objects = `apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
spec: {replicas: 3}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
spec: {replicas: 3, progressDeadlineSeconds: 600}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
spec: {replicas: 3}
status: {observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
spec: {replicas: 3, progressDeadlineSeconds: 600}
status: {observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
spec: {replicas: 3}
status: {observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3, conditions: [{type: Available, status: 'True'}, {type: Progressing, status: 'True', reason: NewReplicaSetAvailable}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
spec: {replicas: 3, progressDeadlineSeconds: 600}
status: {observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3, conditions: [{type: Available, status: 'True'}, {type: Progressing, status: 'True', reason: NewReplicaSetAvailable}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
spec: {replicas: 3}
status: {observedGeneration: 1, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3, conditions: [{type: Available, status: 'True'}, {type: Progressing, status: 'True', reason: NewReplicaSetAvailable}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
spec: {replicas: 3, progressDeadlineSeconds: 600}
status: {observedGeneration: 1, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3, conditions: [{type: Available, status: 'True'}, {type: Progressing, status: 'True', reason: NewReplicaSetAvailable}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
spec: {replicas: 3}
status: {observedGeneration: 2, replicas: 4, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3, conditions: [{type: Available, status: 'True'}, {type: Progressing, status: 'True', reason: NewReplicaSetAvailable}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
spec: {replicas: 3, progressDeadlineSeconds: 600}
status: {observedGeneration: 2, replicas: 4, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3, conditions: [{type: Available, status: 'True'}, {type: Progressing, status: 'True', reason: NewReplicaSetAvailable}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
spec: {replicas: 3}
status: {observedGeneration: 2, replicas: 3, updatedReplicas: 2, readyReplicas: 3, availableReplicas: 3, conditions: [{type: Available, status: 'True'}, {type: Progressing, status: 'True', reason: NewReplicaSetAvailable}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
spec: {replicas: 3, progressDeadlineSeconds: 600}
status: {observedGeneration: 2, replicas: 3, updatedReplicas: 2, readyReplicas: 3, availableReplicas: 3, conditions: [{type: Available, status: 'True'}, {type: Progressing, status: 'True', reason: NewReplicaSetAvailable}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
spec: {replicas: 3}
status: {observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 2, availableReplicas: 3, conditions: [{type: Available, status: 'True'}, {type: Progressing, status: 'True', reason: NewReplicaSetAvailable}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
spec: {replicas: 3, progressDeadlineSeconds: 600}
status: {observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 2, availableReplicas: 3, conditions: [{type: Available, status: 'True'}, {type: Progressing, status: 'True', reason: NewReplicaSetAvailable}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
spec: {replicas: 3}
status: {observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 2, conditions: [{type: Available, status: 'True'}, {type: Progressing, status: 'True', reason: NewReplicaSetAvailable}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
spec: {replicas: 3, progressDeadlineSeconds: 600}
status: {observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 2, conditions: [{type: Available, status: 'True'}, {type: Progressing, status: 'True', reason: NewReplicaSetAvailable}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
spec: {replicas: 3}
status: {observedGeneration: 2, replicas: 2, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3, conditions: [{type: Available, status: 'True'}, {type: Progressing, status: 'True', reason: NewReplicaSetAvailable}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
spec: {replicas: 3, progressDeadlineSeconds: 600}
status: {observedGeneration: 2, replicas: 2, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3, conditions: [{type: Available, status: 'True'}, {type: Progressing, status: 'True', reason: NewReplicaSetAvailable}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
spec: {replicas: 3}
status: {observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3, conditions: [{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded, message: slow}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
spec: {replicas: 3, progressDeadlineSeconds: 600}
status: {observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3, conditions: [{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded, message: slow}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
spec: {replicas: 3}
status: {observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3, conditions: [{type: Available, status: 'False'}, {type: Progressing, status: 'True', reason: NewReplicaSetAvailable}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
spec: {replicas: 3, progressDeadlineSeconds: 600}
status: {observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3, conditions: [{type: Available, status: 'False'}, {type: Progressing, status: 'True', reason: NewReplicaSetAvailable}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
spec: {replicas: 3}
status: {observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3, conditions: [{type: Available, status: 'True'}, {type: Progressing, status: 'True', reason: ReplicaSetUpdated}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
spec: {replicas: 3, progressDeadlineSeconds: 600}
status: {observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3, conditions: [{type: Available, status: 'True'}, {type: Progressing, status: 'True', reason: ReplicaSetUpdated}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
spec: {replicas: 3}
status: {observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3, conditions: [{type: Available, status: 'True'}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
spec: {replicas: 3, progressDeadlineSeconds: 600}
status: {observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3, conditions: [{type: Available, status: 'True'}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2, deletionTimestamp: '2026-01-01T00:00:00Z'}
spec: {replicas: 3}
status: {observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
status: {observedGeneration: 2, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1, conditions: [{type: Available, status: 'True'}, {type: Progressing, status: 'True', reason: NewReplicaSetAvailable}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, generation: 2}
spec: {replicas: 0}
status: {observedGeneration: 2, conditions: [{type: Available, status: 'True'}, {type: Progressing, status: 'True', reason: NewReplicaSetAvailable}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3}
status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 3, currentRevision: a, updateRevision: a}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3}
status: {observedGeneration: 1, replicas: 3, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 3, currentRevision: a, updateRevision: a}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3}
status: {observedGeneration: 2, replicas: 2, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 3, currentRevision: a, updateRevision: a}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3}
status: {observedGeneration: 2, replicas: 4, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 3, currentRevision: a, updateRevision: a}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3}
status: {observedGeneration: 2, replicas: 3, readyReplicas: 2, currentReplicas: 3, updatedReplicas: 3, currentRevision: a, updateRevision: a}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3}
status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 1, currentRevision: a, updateRevision: b}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3}
status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 0, currentRevision: a, updateRevision: b}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3}
status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, currentReplicas: 2, updatedReplicas: 3, currentRevision: a, updateRevision: b}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3, updateStrategy: {type: OnDelete}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3, updateStrategy: {type: OnDelete}}
status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 3, currentRevision: a, updateRevision: a}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3, updateStrategy: {type: OnDelete}}
status: {observedGeneration: 1, replicas: 3, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 3, currentRevision: a, updateRevision: a}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3, updateStrategy: {type: OnDelete}}
status: {observedGeneration: 2, replicas: 2, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 3, currentRevision: a, updateRevision: a}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3, updateStrategy: {type: OnDelete}}
status: {observedGeneration: 2, replicas: 4, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 3, currentRevision: a, updateRevision: a}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3, updateStrategy: {type: OnDelete}}
status: {observedGeneration: 2, replicas: 3, readyReplicas: 2, currentReplicas: 3, updatedReplicas: 3, currentRevision: a, updateRevision: a}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3, updateStrategy: {type: OnDelete}}
status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 1, currentRevision: a, updateRevision: b}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3, updateStrategy: {type: OnDelete}}
status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 0, currentRevision: a, updateRevision: b}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3, updateStrategy: {type: OnDelete}}
status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, currentReplicas: 2, updatedReplicas: 3, currentRevision: a, updateRevision: b}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 2}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 2}}}
status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 3, currentRevision: a, updateRevision: a}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 2}}}
status: {observedGeneration: 1, replicas: 3, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 3, currentRevision: a, updateRevision: a}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 2}}}
status: {observedGeneration: 2, replicas: 2, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 3, currentRevision: a, updateRevision: a}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 2}}}
status: {observedGeneration: 2, replicas: 4, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 3, currentRevision: a, updateRevision: a}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 2}}}
status: {observedGeneration: 2, replicas: 3, readyReplicas: 2, currentReplicas: 3, updatedReplicas: 3, currentRevision: a, updateRevision: a}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 2}}}
status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 1, currentRevision: a, updateRevision: b}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 2}}}
status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 0, currentRevision: a, updateRevision: b}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 2}}}
status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, currentReplicas: 2, updatedReplicas: 3, currentRevision: a, updateRevision: b}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 0}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 0}}}
status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 3, currentRevision: a, updateRevision: a}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 0}}}
status: {observedGeneration: 1, replicas: 3, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 3, currentRevision: a, updateRevision: a}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 0}}}
status: {observedGeneration: 2, replicas: 2, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 3, currentRevision: a, updateRevision: a}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 0}}}
status: {observedGeneration: 2, replicas: 4, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 3, currentRevision: a, updateRevision: a}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 0}}}
status: {observedGeneration: 2, replicas: 3, readyReplicas: 2, currentReplicas: 3, updatedReplicas: 3, currentRevision: a, updateRevision: a}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 0}}}
status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 1, currentRevision: a, updateRevision: b}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 0}}}
status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 0, currentRevision: a, updateRevision: b}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: x, generation: 2}
spec: {replicas: 3, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 0}}}
status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, currentReplicas: 2, updatedReplicas: 3, currentRevision: a, updateRevision: b}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: x, generation: 2}
spec: {replicas: 3}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: x, generation: 2}
spec: {replicas: 3}
status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, availableReplicas: 3, fullyLabeledReplicas: 3}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: x, generation: 2}
spec: {replicas: 3}
status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, availableReplicas: 3, fullyLabeledReplicas: 2}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: x, generation: 2}
spec: {replicas: 3}
status: {observedGeneration: 2, replicas: 3, readyReplicas: 2, availableReplicas: 3, fullyLabeledReplicas: 3}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: x, generation: 2}
spec: {replicas: 3}
status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, availableReplicas: 2, fullyLabeledReplicas: 3}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: x, generation: 2}
spec: {replicas: 3}
status: {observedGeneration: 2, replicas: 4, readyReplicas: 3, availableReplicas: 3, fullyLabeledReplicas: 3}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: x, generation: 2}
spec: {replicas: 3}
status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, availableReplicas: 3, fullyLabeledReplicas: 3, conditions: [{type: ReplicaFailure, status: 'True', message: quota}]}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: x, generation: 2}
spec: {replicas: 3}
status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, availableReplicas: 3, fullyLabeledReplicas: 3, conditions: [{type: ReplicaFailure, status: 'False'}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: x, generation: 2}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: x, generation: 2}
status: {observedGeneration: 2, desiredNumberScheduled: 4, currentNumberScheduled: 4, updatedNumberScheduled: 4, numberAvailable: 4, numberReady: 4}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: x, generation: 2}
status: {observedGeneration: 2}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: x, generation: 2}
status: {desiredNumberScheduled: 0}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: x, generation: 2}
status: {observedGeneration: 2, desiredNumberScheduled: 4, currentNumberScheduled: 3, updatedNumberScheduled: 4, numberAvailable: 4, numberReady: 4}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: x, generation: 2}
status: {observedGeneration: 2, desiredNumberScheduled: 4, currentNumberScheduled: 4, updatedNumberScheduled: 3, numberAvailable: 4, numberReady: 4}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: x, generation: 2}
status: {observedGeneration: 2, desiredNumberScheduled: 4, currentNumberScheduled: 4, updatedNumberScheduled: 4, numberAvailable: 3, numberReady: 4}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: x, generation: 2}
status: {observedGeneration: 2, desiredNumberScheduled: 4, currentNumberScheduled: 4, updatedNumberScheduled: 4, numberAvailable: 4, numberReady: 3}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: x, generation: 2}
status: {observedGeneration: 1, desiredNumberScheduled: 4, currentNumberScheduled: 4, updatedNumberScheduled: 4, numberAvailable: 4, numberReady: 4}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: x, generation: 2}
status: {observedGeneration: 2, desiredNumberScheduled: 0}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: x}
status: {observedGeneration: 2, desiredNumberScheduled: 4, currentNumberScheduled: 4, updatedNumberScheduled: 4, numberAvailable: 4, numberReady: 4}
---
apiVersion: v1
kind: Pod
metadata: {name: x, creationTimestamp: '2020-01-01T00:00:00Z'}
---
apiVersion: v1
kind: Pod
metadata: {name: x, creationTimestamp: '2020-01-01T00:00:00Z'}
status: {phase: Pending}
---
apiVersion: v1
kind: Pod
metadata: {name: x, creationTimestamp: '2020-01-01T00:00:00Z'}
status: {phase: Running}
---
apiVersion: v1
kind: Pod
metadata: {name: x, creationTimestamp: '2020-01-01T00:00:00Z'}
status: {phase: Succeeded}
---
apiVersion: v1
kind: Pod
metadata: {name: x, creationTimestamp: '2020-01-01T00:00:00Z'}
status: {phase: Failed}
---
apiVersion: v1
kind: Pod
metadata: {name: x, creationTimestamp: '2020-01-01T00:00:00Z'}
status: {phase: Running, conditions: [{type: Ready, status: 'True'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: x, creationTimestamp: '2020-01-01T00:00:00Z'}
status: {phase: Running, conditions: [{type: Ready, status: 'False'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: x, creationTimestamp: '2020-01-01T00:00:00Z'}
status: {phase: Running, conditions: [{type: Ready, status: 'False'}], containerStatuses: [{name: a, state: {waiting: {reason: CrashLoopBackOff, message: back-off}}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: x, creationTimestamp: '2020-01-01T00:00:00Z'}
status: {phase: Running, conditions: [{type: Ready, status: 'False'}], containerStatuses: [{name: a, state: {running: {}}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: x, creationTimestamp: '2020-01-01T00:00:00Z'}
status: {phase: Pending, conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable, message: 0/3 nodes}]}
---
apiVersion: v1
kind: Pod
metadata: {name: x, creationTimestamp: '2020-01-01T00:00:00Z'}
status: {phase: Pending, conditions: [{type: PodScheduled, status: 'True'}], containerStatuses: [{name: a, state: {waiting: {reason: ImagePullBackOff}}}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: x}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: x}
status: {phase: Pending}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: x}
status: {phase: Bound}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: x}
status: {phase: Lost}
---
apiVersion: v1
kind: Service
metadata: {name: x}
---
apiVersion: v1
kind: Service
metadata: {name: x}
spec: {type: ClusterIP, clusterIP: 10.0.0.1}
---
apiVersion: v1
kind: Service
metadata: {name: x}
spec: {type: LoadBalancer}
---
apiVersion: v1
kind: Service
metadata: {name: x}
spec: {type: LoadBalancer, clusterIP: 10.0.0.1}
---
apiVersion: v1
kind: Service
metadata: {name: x}
spec: {type: LoadBalancer, clusterIP: 10.0.0.1}
status: {loadBalancer: {ingress: [{ip: 1.2.3.4}]}}
---
apiVersion: v1
kind: Service
metadata: {name: x}
spec: {type: NodePort, clusterIP: 10.0.0.1}
---
apiVersion: v1
kind: Service
metadata: {name: x}
spec: {type: ExternalName, externalName: x.y}
---
apiVersion: batch/v1
kind: Job
metadata: {name: x, generation: 2}
spec: {completions: 1}
---
apiVersion: batch/v1
kind: Job
metadata: {name: x, generation: 2}
spec: {completions: 1}
status: {startTime: '2026-01-01T00:00:00Z'}
---
apiVersion: batch/v1
kind: Job
metadata: {name: x, generation: 2}
spec: {completions: 1}
status: {startTime: '2026-01-01T00:00:00Z', active: 1}
---
apiVersion: batch/v1
kind: Job
metadata: {name: x, generation: 2}
spec: {completions: 1}
status: {succeeded: 1, conditions: [{type: Complete, status: 'True'}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: x, generation: 2}
spec: {completions: 1}
status: {failed: 3, conditions: [{type: Failed, status: 'True', reason: BackoffLimitExceeded, message: Job has reached the specified backoff limit}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: x, generation: 2}
spec: {completions: 1}
status: {conditions: [{type: Suspended, status: 'True'}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: x, generation: 2}
spec: {completions: 1}
status: {conditions: [{type: Complete, status: 'False'}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: x, generation: 2}
spec: {schedule: '* * * * *'}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: x, generation: 2}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: x, generation: 2}
status: {observedGeneration: 2, currentHealthy: 1, desiredHealthy: 2}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: x, generation: 2}
status: {observedGeneration: 1, currentHealthy: 3, desiredHealthy: 2}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: x, generation: 2}
status: {observedGeneration: 2, currentHealthy: 3, desiredHealthy: 2}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: x, generation: 2}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: x, generation: 2}
status: {conditions: [{type: NamesAccepted, status: 'True'}, {type: Established, status: 'True'}]}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: x, generation: 2}
status: {conditions: [{type: NamesAccepted, status: 'False', reason: ListKindConflict, message: taken}, {type: Established, status: 'False', reason: NotAccepted}]}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: x, generation: 2}
status: {conditions: [{type: NamesAccepted, status: 'True'}, {type: Established, status: 'False', reason: Installing}]}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: x, generation: 2}
status: {conditions: [{type: NamesAccepted, status: 'True'}, {type: Established, status: 'False', reason: Broken, message: x}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: x}
---
apiVersion: v1
kind: Secret
metadata: {name: x}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: x}
---
apiVersion: v1
kind: Namespace
metadata: {name: x}
---
apiVersion: v1
kind: Namespace
metadata: {name: x}
status: {phase: Active}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {observedGeneration: 1}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {observedGeneration: 2}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {observedGeneration: 3}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {conditions: [{type: Ready, status: 'True'}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {observedGeneration: 1, conditions: [{type: Ready, status: 'True'}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {observedGeneration: 2, conditions: [{type: Ready, status: 'True'}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {observedGeneration: 3, conditions: [{type: Ready, status: 'True'}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {conditions: [{type: Ready, status: 'False', reason: Issuing, message: pending}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {observedGeneration: 1, conditions: [{type: Ready, status: 'False', reason: Issuing, message: pending}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {observedGeneration: 2, conditions: [{type: Ready, status: 'False', reason: Issuing, message: pending}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {observedGeneration: 3, conditions: [{type: Ready, status: 'False', reason: Issuing, message: pending}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {conditions: [{type: Ready, status: Unknown, reason: A, message: b}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {observedGeneration: 1, conditions: [{type: Ready, status: Unknown, reason: A, message: b}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {observedGeneration: 2, conditions: [{type: Ready, status: Unknown, reason: A, message: b}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {observedGeneration: 3, conditions: [{type: Ready, status: Unknown, reason: A, message: b}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {conditions: [{type: Reconciling, status: 'True', reason: R, message: m}, {type: Ready, status: 'True'}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {observedGeneration: 1, conditions: [{type: Reconciling, status: 'True', reason: R, message: m}, {type: Ready, status: 'True'}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {observedGeneration: 2, conditions: [{type: Reconciling, status: 'True', reason: R, message: m}, {type: Ready, status: 'True'}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {observedGeneration: 3, conditions: [{type: Reconciling, status: 'True', reason: R, message: m}, {type: Ready, status: 'True'}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {conditions: [{type: Stalled, status: 'True', reason: S, message: m}, {type: Ready, status: 'False'}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {observedGeneration: 1, conditions: [{type: Stalled, status: 'True', reason: S, message: m}, {type: Ready, status: 'False'}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {observedGeneration: 2, conditions: [{type: Stalled, status: 'True', reason: S, message: m}, {type: Ready, status: 'False'}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {observedGeneration: 3, conditions: [{type: Stalled, status: 'True', reason: S, message: m}, {type: Ready, status: 'False'}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {conditions: [{type: Stalled, status: 'False'}, {type: Reconciling, status: 'False'}, {type: Ready, status: 'True'}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {observedGeneration: 1, conditions: [{type: Stalled, status: 'False'}, {type: Reconciling, status: 'False'}, {type: Ready, status: 'True'}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {observedGeneration: 2, conditions: [{type: Stalled, status: 'False'}, {type: Reconciling, status: 'False'}, {type: Ready, status: 'True'}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {observedGeneration: 3, conditions: [{type: Stalled, status: 'False'}, {type: Reconciling, status: 'False'}, {type: Ready, status: 'True'}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {conditions: [{type: Other, status: 'False'}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {observedGeneration: 1, conditions: [{type: Other, status: 'False'}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {observedGeneration: 2, conditions: [{type: Other, status: 'False'}]}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: x, generation: 2}
status: {observedGeneration: 3, conditions: [{type: Other, status: 'False'}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: x}
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: x}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: x}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: x}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: x}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: x}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: x}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: x}`
