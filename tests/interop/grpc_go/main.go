// SPDX-License-Identifier: Apache-2.0

// grpc-go, and the cases of its own interop package, against our server: main PORT CA-FILE.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

func expect(what string, err error, code codes.Code) {
	if status.Code(err) != code {
		fmt.Fprintf(os.Stderr, "%s: %v, expected %v\n", what, err, code)
		os.Exit(1)
	}
	fmt.Println("ok", what)
}

func main() {
	tls, err := credentials.NewClientTLSFromFile(os.Args[2], "localhost")
	if err != nil {
		panic(err)
	}
	conn, err := grpc.NewClient("localhost:"+os.Args[1], grpc.WithTransportCredentials(tls), grpc.WithDisableRetry())
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	tc := testpb.NewTestServiceClient(conn)

	// each of these ends the program when it fails
	interop.DoEmptyUnaryCall(ctx, tc)
	interop.DoLargeUnaryCall(ctx, tc)
	interop.DoClientStreaming(ctx, tc)
	interop.DoServerStreaming(ctx, tc)
	interop.DoPingPong(ctx, tc)
	interop.DoEmptyStream(ctx, tc)
	interop.DoStatusCodeAndMessage(ctx, tc)
	interop.DoSpecialStatusMessage(ctx, tc)
	interop.DoCustomMetadata(ctx, tc)
	interop.DoUnimplementedMethod(ctx, conn)
	interop.DoUnimplementedService(ctx, testpb.NewUnimplementedServiceClient(conn))
	interop.DoTimeoutOnSleepingServer(ctx, tc)
	interop.DoCancelAfterBegin(ctx, tc)
	interop.DoCancelAfterFirstResponse(ctx, tc)
	fmt.Println("ok the cases of grpc/interop")

	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		_, err = tc.UnaryCall(ctx, &testpb.SimpleRequest{ResponseStatus: &testpb.EchoStatus{Code: int32(code), Message: "x"}})
		expect("status "+code.String(), err, code)
	}
	_, err = tc.UnaryCall(ctx, &testpb.SimpleRequest{Payload: &testpb.Payload{Body: make([]byte, 5<<20)}})
	expect("oversize", err, codes.ResourceExhausted)
	health := grpc_health_v1.NewHealthClient(conn)
	_, err = health.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: "grpc.testing.TestService"})
	expect("health", err, codes.OK)
	_, err = health.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: "x"})
	expect("health of an unknown service", err, codes.NotFound)
}
